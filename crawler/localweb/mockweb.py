"""A mocked network for every engine: real loopback sockets, any host name, http and https."""

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
_PAGE = Answer(
    200, (_HTML,), b"<!DOCTYPE html>\n<title>A page</title>\n<p>A page without a fault.\n"
)


class MockWeb:
    """A mocked web: the only network for crawls that this process starts in the context.

    >>> with MockWeb() as web:
    ...     web.page("https://shop.example/", "<title>Shop</title>", latency=0.05)
    ...     report = crawler.crawl(["https://shop.example/"], engine="curl", run=folder)
    ...     assert len(web.requests("https://shop.example/")) == 1

    The methods below define hosts and pages. A defined host exists on every port, for http and
    https; URLs without an answer return 404. Any other name or literal address is a FetchError (dns
    or connect), and nothing is sent. With a ``handler``, every host exists, and the handler answers
    URLs without an answer of their own; it runs on the server's thread and must not block.

    Engines run unchanged: they connect to addresses of 127.0.0.0/8, a different one for each host,
    and verify https against ``ca_file``, created for this web. All spellings of a URL are equal
    (``crawler.model.urls.key``). The last definition of a URL counts. Any thread may define URLs at
    any time, also before entering.

    ``lookups`` are the names that crawls looked up, in order; a crawl caches each name.

    Leaving raises the errors of handlers again. Entering raises OSError if no loopback port is
    available.
    """

    is_mocked = True

    def __init__(self, handler: Handler | None = None) -> None:
        self.lookups: list[str] = []
        self._handler = handler or _not_found
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
            self._unanswering = stack.enter_context(Server(_not_found, accept=False))
            stack.enter_context(self._listener)
            stack.enter_context(mocking(self))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # Define hosts and pages

    def page(
        self,
        url: str,
        body: str | bytes,
        *,
        status: int = 200,
        headers: Headers = (),
        latency: float = 0.0,
    ) -> None:
        """Define ``url`` as a page; text is encoded in UTF-8.

        Content-Type is ``text/html; charset=utf-8`` unless ``headers`` contain another. ``latency``
        is seconds before the first byte. Raises UrlError.
        """
        if all(name.lower() != "content-type" for name, _ in headers):
            headers = (_HTML, *headers)
        data = body.encode() if isinstance(body, str) else body
        self.answer(url, Answer(status, headers, data, latency))

    def answer(self, url: str, *answers: Answer | Handler) -> None:
        """Let ``url`` return these answers in order; the last one repeats.

        A function receives the request and returns the answer. Raises UrlError, and UsageError
        if there are no answers.
        """
        if not answers:
            raise UsageError(f"{url}: at least one answer is needed")
        url = canonical(url)
        name, _ = host_port(url)
        self._hosts.declare(name)
        self._routes[key(url)] = _Route(answers)

    def fault(self, place: str, fault: Fault | str) -> None:
        """Add a fault to a page (``place`` is its URL) or to a host (``host`` or ``host:port``).

        A page fault changes the page that was defined before: it is truncated, for example, or
        returned after the host is no longer busy. Raises UrlError for an invalid place, UsageError
        for an unknown fault or one that does not fit the place.
        """
        known = _fault(fault)
        if "://" in place:
            self._fault_of_page(canonical(place), known)
        else:
            self._fault_of_host(place, known)

    def host(self, place: str, *, address: str | None = None, dial: str | None = None) -> None:
        """Define a host (or one port of it: ``host:port``); its undefined pages return 404.

        ``address`` is its address in DNS, by default a public one: the address rules check it, but
        nothing connects to it. ``dial`` is its real address in 127.0.0.0/8, by default one of its
        own. Raises UrlError, UsageError.
        """
        self._hosts.declare(*_host_and_port(place), address, dial)

    def _fault_of_page(self, url: str, fault: Fault) -> None:
        if fault in HOST_FAULTS:
            raise UsageError(f"{fault} is a fault of a host, not of {url}")
        route = self._routes.get(key(url))
        target = "/" + url.split("/", 3)[3]
        self.answer(url, *answers(fault, route.page() if route else _PAGE, target))

    def _fault_of_host(self, place: str, fault: Fault) -> None:
        if fault not in HOST_FAULTS:
            raise UsageError(f"{fault} is a fault of a page: use its URL instead of {place}")
        name, port = _host_and_port(place)
        if fault in DNS_FAULTS and (port or literal(name)):
            raise UsageError(f"{fault} is a fault of a host name, and {place} is not a host name")
        self._hosts.declare(name, port).fault = fault

    # Requests

    @property
    def seen(self) -> list[Seen]:
        """All requests in order of arrival, also those for robots.txt."""
        return self._listener.seen

    def requests(self, url: str) -> list[Seen]:
        """The requests for ``url``. Raises UrlError."""
        return list(self._requests.get(key(canonical(url)), ()))

    # The Network interface, used by the crawl

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

    # Callbacks on the server's thread

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
            return _text_answer(400, error.message)
        identity = key(url)  # not the spelling: libcurl writes escapes in upper case
        self._requests[identity].append(seen)
        host = self._hosts.find(*host_port(url))
        if host is None or self._dial(host) != seen.local[0]:
            return _text_answer(421, f"{seen.host} is not at this address (RFC 9110, 15.5.20)")
        route = self._routes.get(identity)
        return self._handler(seen) if route is None else route.next(seen)


class _Route:
    """The answers of one URL, in order."""

    def __init__(self, answers: tuple[Answer | Handler, ...]) -> None:
        self._answers = list(answers)

    def next(self, seen: Seen) -> Answer:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer if isinstance(answer, Answer) else answer(seen)

    def page(self) -> Answer:
        """The last answer, if it is an ordinary page, else a default page."""
        last = self._answers[-1]
        return last if isinstance(last, Answer) and last.body and not last.script else _PAGE


def _not_found(_: Seen) -> Answer:
    return _text_answer(404, "no such page in the mocked web")


def _text_answer(status: int, text: str) -> Answer:
    return Answer(status, (_TEXT,), text.encode())


def _host_and_port(text: str) -> tuple[str, int | None]:
    """Parse ``host`` or ``host:port``: the canonical host, and the port if there is one."""
    name, port = host_port(canonical(f"http://{text}/"))
    return name, port if ":" in text.rpartition("]")[2] else None


def _fault(name: str) -> Fault:
    try:
        return Fault(name)
    except ValueError:
        raise UsageError(f"unknown fault {name!r}; available: {', '.join(Fault)}") from None
