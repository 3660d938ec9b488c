"""A host with several addresses: one after the other is tried until a connection is made."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest
from e2e.promises.conftest import GOOD, SIDE_BY_SIDE, Crawled
from support.engines import PROXIES
from support.names import NamesServer

from crawler.fetch.network import SystemNetwork, mocking
from crawler.localweb.forward_proxy import ForwardProxy
from crawler.testing import RESET, Answer, Seen, Server

LIVE, HOLE, HOLE2 = "127.0.0.2", "127.0.0.3", "127.0.0.4"
"""An address of a good server, and two where a connection attempt gets no reply."""
DEAD = tuple(f"127.0.9.{number}" for number in range(1, 10))
"""Nothing listens there: the kernel refuses at once (RFC 9293, 3.10.7.1)."""
UNREACHABLE = "224.0.0.1"
"""connect(2) fails at once with ENETUNREACH: there is no TCP to a group (RFC 1122, 4.2.3.10)."""
INSIDE, INSIDE2 = "10.0.0.1", "192.168.0.1"
_PATIENCE = 10.0
OPENED = ("127.0.0.0/8", "::1", UNREACHABLE)
TIMEOUT = 1.5
ONE = TIMEOUT / 3
"""Seconds for one address as long as another one is left."""
PAGE = Answer(headers=(("Content-Type", "text/html"),), body=GOOD.encode())


class Case(NamedTuple):
    """What a name leads to, and how its page must end: ``page``, or the kind or reason."""

    addresses: tuple[str, ...]
    outcome: str = "page"


CASES = {
    # getaddrinfo(3): "try the addresses in the order in which they are returned"
    "one": Case((LIVE,)),
    "refused": Case((DEAD[0], LIVE)),
    "refused-twice": Case((DEAD[0], DEAD[1], LIVE)),
    "last-of-nine": Case((*DEAD[:8], LIVE)),
    "live-first": Case((LIVE, DEAD[0])),
    "unreachable": Case((UNREACHABLE, LIVE)),
    "hole": Case((HOLE, LIVE)),
    "hole-and-refused": Case((HOLE, DEAD[0], LIVE)),
    # RFC 6724, 6: c-ares puts ::1 before 127.0.0.0/8, as its precedence is 50 and not 35
    "six-refused": Case((LIVE, "::1")),
    "six-alone": Case(("::1",), "connect"),
    # RFC 6761, 6.3: local names are loopback, which is both families
    "localhost": Case(("127.0.0.1", "::1"), "connect"),
    # each address is judged by itself
    "mixed": Case((INSIDE, LIVE)),
    "mixed-last": Case((LIVE, INSIDE)),
    "mixed-dead": Case((INSIDE, DEAD[0]), "connect"),
    "forbidden": Case((INSIDE, INSIDE2), "blocked"),
    "all-refused": Case(DEAD[:2], "connect"),
    "nine-refused": Case(DEAD[:9], "connect"),
    "refused-then-hole": Case((DEAD[0], HOLE), "connect"),
    "hole-then-refused": Case((HOLE, DEAD[0]), "connect"),
    "all-holes": Case((HOLE, HOLE2), "timeout"),
}


@pytest.fixture
def names(crawled: Crawled) -> Iterator[NamesServer]:  # after the mocked web of ``crawled``
    cases = {f"{name}.test": case.addresses for name, case in CASES.items()}
    with NamesServer(cases) as server, mocking(server.network):
        yield server


@pytest.fixture
def live() -> Iterator[Server]:
    """A good server; at the holes, its port does not reply."""
    with ExitStack() as stack:
        server = stack.enter_context(Server(lambda _: PAGE, addresses=(LIVE,)))
        stack.enter_context(Server(no_answer, addresses=(HOLE,), port=server.port, accept=False))
        stack.enter_context(Server(no_answer, addresses=(HOLE2,), port=server.port, accept=False))
        yield server


def no_answer(_: Seen) -> Answer:
    raise AssertionError("nothing may be sent")


OPTIONS = {
    "parse": "inline",
    "robots": False,
    "delay": 0.0,
    "timeout": TIMEOUT,
    "allow_private": OPENED,
}


@pytest.mark.promise("P80")
def test_the_addresses_are_tried_one_after_the_other(
    names: NamesServer, live: Server, crawled: Crawled, engine: str
) -> None:
    urls = {f"http://{name}.test:{live.port}/": name for name in CASES if name != "localhost"}
    urls[f"http://localhost:{live.port}/"] = "localhost"
    run = crawled(urls, engine=engine, **OPTIONS)
    ended = dict.fromkeys(map(urls.get, run.pages), "page")
    ended |= {urls[url]: each["error"] for url, each in run.failures.items()}
    ended |= {urls[url]: each["reason"] for url, each in run.skips.items()}
    assert ended == {name: case.outcome for name, case in CASES.items()}
    assert {each["attempts"] for each in run.failures.values()} == {1}
    for url, failure in run.failures.items():
        addresses = [each for each in CASES[urls[url]].addresses if each not in (INSIDE, INSIDE2)]
        shown = [each for each in addresses if f"{each}: " in failure["message"]]
        if len(addresses) == 1:
            assert shown == [] or len(failure["message"]) < 200
        else:
            assert len(shown) == min(len(addresses), 4), failure["message"]
            assert len(failure["message"]) < 700
    assert "5 more" in run.failures[f"http://nine-refused.test:{live.port}/"]["message"]
    forbidden = run.skips[f"http://forbidden.test:{live.port}/"]["message"]
    assert f"{INSIDE}; use --allow-private forbidden.test" in forbidden
    # The waits of the addresses before the good one are part of the run's.
    assert run.report["io_wait"]["handshake_s"] >= ONE * 0.9


@pytest.mark.promise("P80")
@pytest.mark.parametrize("host", ["localhost", "www.localhost", "[::1]"])
def test_localhost_is_both_families(crawled: Crawled, engine: str, host: str) -> None:
    with Server(lambda _: PAGE, addresses=("::1",)) as six, mocking(SystemNetwork()):
        url = f"http://{host}:{six.port}/"
        options = OPTIONS | {"allow_private": ("::1",)}
        assert set(crawled([url], engine=engine, **options).pages) == {url}


@pytest.mark.promise("P80")
@pytest.mark.parametrize("pages", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_a_dead_address_costs_once(
    names: NamesServer, live: Server, crawled: Crawled, engine: str, pages: int
) -> None:
    urls = [f"http://hole.test:{live.port}/{number}" for number in range(pages)]
    run = crawled(urls, engine=engine, concurrency=1, **OPTIONS)
    assert set(run.pages) == set(urls)
    assert run.report["io_wait"]["handshake_s"] < 2 * ONE + 0.5, "for one page, not for each"


class Mortal:
    """Answers ``count`` requests, one connection each, then does not listen any more."""

    def __init__(self, address: str, port: int, count: int) -> None:
        self._sock = socket.create_server((address, port))
        self._sock.settimeout(_PATIENCE)
        self._thread = threading.Thread(target=self._serve, args=(count,))
        self._thread.start()

    def _serve(self, count: int) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(GOOD)}\r\nConnection: close\r\n\r\n"
        for number in range(count):
            client, _ = self._sock.accept()
            if number == count - 1:
                self._sock.close()
            with client:
                while b"\r\n\r\n" not in client.recv(65536):
                    pass
                client.sendall((head + GOOD).encode())

    def join(self) -> None:
        self._thread.join()


@pytest.mark.promise("P80")
def test_an_address_may_die_in_the_middle(
    names: NamesServer, live: Server, crawled: Crawled, engine: str
) -> None:
    names.names["dying.test"] = ("127.0.0.7", LIVE)
    mortal = Mortal("127.0.0.7", live.port, 3)
    urls = [f"http://dying.test:{live.port}/{number}" for number in range(10)]
    run = crawled(urls, engine=engine, per_host=1, **OPTIONS)
    mortal.join()
    assert set(run.pages) == set(urls)
    assert len(live.seen) == 7


@pytest.mark.promise("P80")
@pytest.mark.parametrize("fault", ["reset", "tls"])
def test_a_host_that_was_reached_is_not_tried_elsewhere(
    names: NamesServer, crawled: Crawled, engine: str, fault: str
) -> None:
    """RFC 9110, 9.2.2 allows to repeat a GET; but that is a retry, and counts as an attempt."""
    names.names["first.test"] = (HOLE, LIVE)
    with (
        Server(lambda _: Answer(script=(RESET,)), addresses=(HOLE,)) as first,
        Server(lambda _: PAGE, addresses=(LIVE,), port=first.port) as second,
    ):
        scheme = "http" if fault == "reset" else "https"
        url = f"{scheme}://first.test:{first.port}/"
        run = crawled([url], engine=engine, **OPTIONS)
        assert run.failures[url]["error"] == fault
        assert second.connections == 0


@pytest.mark.promise("P80")
@SIDE_BY_SIDE
def test_the_limit_of_an_address_holds_for_the_one_that_is_dialled(
    names: NamesServer, crawled: Crawled, engine: str
) -> None:
    at_once: list[int] = []

    def answer(_: Seen) -> Answer:
        at_once.append(server.open)
        return Answer(body=b"x", latency=0.03, headers=(("Connection", "close"),))

    with Server(answer, addresses=(LIVE,)) as server:
        urls = [f"http://h{number}.test:{server.port}/" for number in range(12)]
        for number in range(12):
            names.names[f"h{number}.test"] = (f"127.0.8.{number}", LIVE)
        run = crawled(urls, engine=engine, per_address=2, **OPTIONS)
    assert set(run.pages) == set(urls)
    assert max(at_once) <= 2


@pytest.mark.promise("P80")
def test_retries_count_the_host_and_not_its_addresses(
    names: NamesServer, live: Server, crawled: Crawled, engine: str
) -> None:
    url = f"http://all-refused.test:{live.port}/"
    run = crawled([url], engine=engine, retry=("connect=2,0",), patience=0, **OPTIONS)
    assert run.failures[url]["attempts"] == 3


@pytest.mark.promise("P80")
def test_all_addresses_of_a_proxy_are_tried(
    names: NamesServer, crawled: Crawled, engine: str
) -> None:
    names.names["proxy.test"] = (DEAD[0], "127.0.0.1")
    for scheme in set(PROXIES[engine]) - {"https"}:
        with ForwardProxy() as proxy, Server(lambda _: PAGE) as server:
            urls = [f"http://shop.example:{server.port}/{number}" for number in range(2)]
            through = f"{scheme}://proxy.test:{proxy.port}"
            run = crawled(urls, name=scheme, engine=engine, proxy=through, **OPTIONS)
        assert set(run.pages) == set(urls)
    assert "shop.example" not in names.asked


@pytest.mark.promise("P80")
def test_a_dead_address_of_a_proxy_costs_once(
    names: NamesServer, crawled: Crawled, engine: str
) -> None:
    """Also for a host that is written as an address: it is judged, but the proxy is dialled."""
    names.names["proxy.test"] = (HOLE, "127.0.0.1")
    one = 0.4
    options = OPTIONS | {"timeout": 3 * one, "concurrency": 1}
    for scheme in set(PROXIES[engine]) - {"https"}:
        with (
            ForwardProxy() as proxy,
            Server(no_answer, addresses=(HOLE,), port=proxy.port, accept=False),
            Server(lambda _: PAGE, addresses=("127.0.0.1",)) as server,
        ):
            hosts = ("shop.example", "127.0.0.1")
            urls = [f"http://{hosts[n % 2]}:{server.port}/{n}" for n in range(8)]
            through = f"{scheme}://proxy.test:{proxy.port}"
            run = crawled(urls, name=scheme, engine=engine, proxy=through, **options)
        assert set(run.pages) == set(urls)
        assert run.report["io_wait"]["handshake_s"] < 3 * one, "for one page, not for each"


@pytest.mark.promise("P80")
def test_a_message_names_the_addresses_of_the_proxy(
    names: NamesServer, crawled: Crawled, engine: str
) -> None:
    names.names["proxy.test"] = DEAD[:2]
    for scheme in PROXIES[engine]:
        urls = [f"http://{host}:1/" for host in ("shop.example", "127.0.0.5", "localhost")]
        through = f"{scheme}://proxy.test:1"
        run = crawled(urls, name=scheme, engine=engine, proxy=through, **OPTIONS)
        for url in urls:
            message = run.failures[url]["message"]
            assert message.startswith("no address of the proxy can be reached: ")
            assert f"{DEAD[0]}: " in message
            assert f"{DEAD[1]}: " in message
            assert "127.0.0.5: " not in message
