"""The network mocked, for every engine: real sockets on loopback, any host name, http and https."""

import socket
import ssl
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from crawler.fetch.addresses import AddressRules, literal
from crawler.fetch.network import Resolver, mocking
from crawler.localweb.connection import Answer, Handler, Seen
from crawler.localweb.faults import DNS_FAULTS, HOST_FAULTS, SLOW_SECONDS, Fault, answers
from crawler.localweb.hosts import Hosts, MockHost, MockResolver
from crawler.localweb.listener import Greeting, Listener
from crawler.localweb.server import Server
from crawler.model.errors import UsageError
from crawler.model.exchange import Headers
from crawler.model.urls import UrlError, canonical, host_port, key

_HTML = ("Content-Type", "text/html; charset=utf-8")
_TEXT = ("Content-Type", "text/plain; charset=utf-8")
_PAGE = Answer(200, (_HTML,), b"<!DOCTYPE html>\n<title>A page</title>\n<p>It would be sound.\n")


class MockWeb:
    """A web that is all there is, for every crawl that this process begins within the context.

    >>> with MockWeb() as web:
    ...     web.page("https://shop.example/", "<title>Shop</title>", latency=0.05)
    ...     report = crawler.crawl(["https://shop.example/"], engine="curl", run=folder)
    ...     assert len(web.requests("https://shop.example/")) == 1

    A host exists once something was said of it or of a page of it, on every port, for http and
    https; what has no answer there is a 404. Any other name or literal address is a FetchError (dns
    or connect), and nothing is sent. With a ``handler`` every host exists, and it answers what has
    no answer of its own; it is called on the server's thread and must not block.

    Nothing of the engines is replaced: they connect to an address of 127.0.0.0/8, a different one
    for each host, and https is verified against ``ca_file``, made for this web. A URL is the same
    in all its spellings (``crawler.model.urls.key``). What is said last of a URL counts, and it may
    be said at any time, before entering too, from any thread.

    ``lookups`` are the names that were looked up, in order; what a crawl remembers it asks once.

    What goes wrong in a handler is raised again on leaving. Entering raises OSError where no
    loopback port can be had.
    """

    is_mocked = True

    def __init__(self, handler: Handler | None = None) -> None:
        self.lookups: list[str] = []
        self._handler = handler or _nothing_there
        self._routes: dict[int, _Route] = {}
        self._requests: defaultdict[int, list[Seen]] = defaultdict(list)
        self._hosts = Hosts(every=handler is not None)
        self._listener = Listener(self._answer, self._greet)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        from crawler.localweb.certificates import Certificates  # cryptography: 0.2 s to import

        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crawler-")))
            self.ca_file = str(folder / "ca.pem")
            self._certificates = Certificates(folder / "ca.pem", self._context_for)
            self._refusing = stack.enter_context(socket.socket())
            self._refusing.bind(("127.0.0.1", 0))
            self._unanswering = stack.enter_context(Server(_nothing_there, accept=False))
            stack.enter_context(self._listener)
            stack.enter_context(mocking(self))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # What there is

    def page(
        self,
        url: str,
        body: str | bytes,
        *,
        status: int = 200,
        headers: Headers = (),
        latency: float = 0.0,
    ) -> None:
        """Let ``url`` be a page; text is encoded in UTF-8.

        Content-Type is ``text/html; charset=utf-8`` unless ``headers`` say another. ``latency`` is
        seconds before the first byte. Raises UrlError.
        """
        if all(name.lower() != "content-type" for name, _ in headers):
            headers = (_HTML, *headers)
        data = body.encode() if isinstance(body, str) else body
        self.answer(url, Answer(status, headers, data, latency))

    def answer(self, url: str, *answers: Answer | Handler) -> None:
        """Let ``url`` answer these in turn, the last of them from then on.

        A function is given the request and gives the answer. Raises UrlError, and UsageError
        without any answer.
        """
        if not answers:
            raise UsageError(f"{url}: no answer is given")
        url = canonical(url)
        name, _ = host_port(url)
        self._hosts.declare(name)
        self._routes[key(url)] = _Route(answers)

    def fault(self, place: str, fault: Fault | str) -> None:
        """Let something be wrong with a page (``place`` is its URL) or with a host.

        A host is ``host`` or ``host:port``. A page that was said before is what the fault is made
        of: it is truncated, or given once the host is no longer busy. Raises UrlError for a place
        that is none, UsageError for a fault that is none, or not one of such a place.
        """
        wrong = _fault(fault)
        if "://" in place:
            self._fault_of_page(canonical(place), wrong)
        else:
            self._fault_of_host(place, wrong)

    def host(self, place: str, *, address: str | None = None, dial: str | None = None) -> None:
        """Let there be a host (or one port of it: ``host:port``), whose pages are all 404 yet.

        ``address`` is what DNS says of it, a public address unless given: it is judged by the
        address rules, and never connected to. ``dial`` is its place in 127.0.0.0/8, one of its own
        unless given. Raises UrlError, UsageError.
        """
        self._hosts.declare(*_place(place), address, dial)

    def _fault_of_page(self, url: str, fault: Fault) -> None:
        if fault in HOST_FAULTS:
            raise UsageError(f"{fault} is a fault of a host, not of {url}")
        route = self._routes.get(key(url))
        target = "/" + url.split("/", 3)[3]
        self.answer(url, *answers(fault, route.page() if route else _PAGE, target))

    def _fault_of_host(self, place: str, fault: Fault) -> None:
        if fault not in HOST_FAULTS:
            raise UsageError(f"{fault} is a fault of a page: give its URL, not {place}")
        name, port = _place(place)
        if fault in DNS_FAULTS and (port or literal(name)):
            raise UsageError(f"{fault} is a fault of a name, which {place} is not")
        self._hosts.declare(name, port).fault = fault

    # What was asked

    @property
    def seen(self) -> list[Seen]:
        """All requests in the order in which they came, those for robots.txt too."""
        return self._listener.seen

    def requests(self, url: str) -> list[Seen]:
        """The requests for ``url``. Raises UrlError."""
        return list(self._requests.get(key(canonical(url)), ()))

    # The network, as a crawl sees it

    def resolver(self, rules: AddressRules) -> Resolver:
        return MockResolver(rules, self._hosts, self._door, self.lookups)

    def _door(self, host: MockHost) -> tuple[str, int]:
        match host.fault:
            case Fault.REFUSED:
                return "127.0.0.1", self._refusing.getsockname()[1]
            case Fault.UNANSWERED:
                return "127.0.0.1", self._unanswering.port
        return self._dial(host), self._listener.port

    def _dial(self, host: MockHost) -> str:
        return host.dial if self._listener.everywhere else "127.0.0.1"

    # The server, on its thread

    def _greet(self, local: str) -> Greeting:
        host = self._hosts.at(local)
        if host is None:
            return self._certificates.context(local), 0.0
        slow = host.fault is Fault.SLOW_HANDSHAKE
        return self._certificates.context(host.name, host.fault), SLOW_SECONDS if slow else 0.0

    def _context_for(self, name: str) -> ssl.SSLContext:
        host = self._hosts.named(name)
        return self._certificates.context(name, host.fault if host else None)

    def _answer(self, seen: Seen) -> Answer:
        try:
            url = canonical(seen.url)
        except UrlError as error:
            return _says(400, error.message)
        identity = key(url)  # not the spelling: libcurl writes escapes in upper case
        self._requests[identity].append(seen)
        host = self._hosts.find(*host_port(url))
        if host is None or self._dial(host) != seen.local[0]:
            return _says(421, f"{seen.host} is not here (RFC 9110, 15.5.20)")
        route = self._routes.get(identity)
        return self._handler(seen) if route is None else route.next(seen)


class _Route:
    """The answers of one URL in turn."""

    def __init__(self, answers: tuple[Answer | Handler, ...]) -> None:
        self._answers = list(answers)

    def next(self, seen: Seen) -> Answer:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer if isinstance(answer, Answer) else answer(seen)

    def page(self) -> Answer:
        """The answer that is here for good, where it is an ordinary one."""
        last = self._answers[-1]
        return last if isinstance(last, Answer) and last.body and not last.script else _PAGE


def _nothing_there(_: Seen) -> Answer:
    return _says(404, "no such page in the mocked web")


def _says(status: int, text: str) -> Answer:
    return Answer(status, (_TEXT,), text.encode())


def _place(text: str) -> tuple[str, int | None]:
    """``host`` or ``host:port``, canonical; the port only if it is written."""
    name, port = host_port(canonical(f"http://{text}/"))
    return name, port if ":" in text.rpartition("]")[2] else None


def _fault(name: str) -> Fault:
    try:
        return Fault(name)
    except ValueError:
        raise UsageError(f"no fault is called {name!r}; there are {', '.join(Fault)}") from None
