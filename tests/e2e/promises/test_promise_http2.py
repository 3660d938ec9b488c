"""HTTP/2 over real sockets: what a server may do at any time costs no page that it answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import trustme
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from support.engines import ENGINES
from support.http2 import PAGE, Asked, Handler, Http2Server, Peer, goaway, priority
from support.mocked import Crawled, crawl
from support.nginx import Nginx

from crawler.engines.base import EngineOptions
from crawler.engines.registry import capabilities_of, make_engine
from crawler.model.errors import FailureKind, FetchError
from crawler.testing.contract.helpers import ask, page, result

pytestmark = [
    pytest.mark.promise("P46"),
    pytest.mark.parametrize("engine", [each for each in ENGINES if capabilities_of(each).http2]),
]
IDLE: dict[str, Callable[[Peer], None]] = {
    "PING": lambda peer: peer.h2.ping(b"12345678"),
    "SETTINGS": lambda peer: peer.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 50}),
    "WINDOW_UPDATE": lambda peer: peer.h2.increment_flow_control_window(1000),
    "PRIORITY": lambda peer: peer.raw(priority(1)),
    "GOAWAY": lambda peer: peer.h2.close_connection(),
}
DELAY = 0.1


class Crawl:
    """Crawls pages of an HTTP/2 server; every failure is final, unless there are retries."""

    def __init__(self, folder: Path, ca: trustme.CA, engine: str) -> None:
        self._folder, self._ca, self._engine = folder, ca, engine

    def __call__(self, handler: Handler, pages: int, **options: object) -> "Done":
        with Http2Server(self._ca, handler) as server:
            urls = [server.url(f"/{number}") for number in range(pages)]
            chosen = {
                "per_host": 1,
                "concurrency": 16,
                "timeout": 20.0,
                "order": "input",
                **options,
            }
            began = time.monotonic()
            ended = crawl(self._folder / "run", urls, engine=self._engine, http2=True, **chosen)
        return Done(ended, server.asked, urls, began)


class Done:
    """How a crawl ended, and what the server was asked for."""

    def __init__(self, ended: Crawled, asked: list[Asked], urls: list[str], began: float) -> None:
        self.asked = asked
        # Requests start a delay apart, and none arrives before its start.
        self.is_polite = all(each.at >= began + n * DELAY for n, each in enumerate(asked))
        self.lost = {url.rpartition("/")[2] for url in urls if url not in ended.pages}
        self.times = Counter(each.target for each in asked)


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> str:
    path = str(tmp_path / "ca.pem")
    ca.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def crawls(
    engine: str, ca: trustme.CA, ca_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Crawl:
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    return Crawl(tmp_path, ca, engine)


@pytest.mark.parametrize("frame", IDLE)
def test_a_frame_on_an_idle_connection_loses_no_page(crawls: Crawl, frame: str) -> None:
    def handler(peer: Peer, asked: Asked) -> None:
        peer.answer(asked)
        peer.later(0.02, lambda: IDLE[frame](peer))

    done = crawls(handler, 5, delay=DELAY)
    assert not done.lost
    assert set(done.times.values()) == {1}
    assert done.is_polite
    assert frame == "GOAWAY" or {each.connection for each in done.asked} == {1}


async def test_a_slow_stream_loses_no_other(engine: str, ca: trustme.CA, ca_file: str) -> None:
    """Bytes of one response lie in the socket when the next request is sent."""
    pages = [f"/{number}" for number in range(12)]
    missing = set(pages)

    def trickle(peer: Peer, asked: Asked) -> None:
        peer.h2.send_data(asked.stream, b"x", end_stream=not missing)
        if missing:
            peer.later(0.001, lambda: trickle(peer, asked))

    def handler(peer: Peer, asked: Asked) -> None:
        missing.discard(asked.target)
        if asked.target == "/0":
            peer.h2.send_headers(asked.stream, [(":status", "200")])
            trickle(peer, asked)
        else:
            peer.answer(asked)

    with Http2Server(ca, handler) as server:
        async with make_engine(engine, EngineOptions(12, http2=True, ca_file=ca_file)) as opened:
            await page(opened, ask(server, "/connect"))
            responses = await asyncio.gather(*(page(opened, ask(server, each)) for each in pages))
    assert {each.http_version for each in responses} == {"2"}
    assert Counter(each.target for each in server.asked) == Counter(["/connect", *pages])
    assert server.connections == 1


@pytest.mark.promise("P90")
async def test_a_body_that_is_cut_loses_no_other(engine: str, ca: trustme.CA, ca_file: str) -> None:
    def handler(peer: Peer, asked: Asked) -> None:
        peer.answer(asked, b"x" * 16_000 if asked.target == "/long" else PAGE)

    with Http2Server(ca, handler) as server:
        async with make_engine(engine, EngineOptions(4, http2=True, ca_file=ca_file)) as opened:
            for _ in range(3):
                long = msgspec.structs.replace(ask(server, "/long", max_bytes=9_999), cut=True)
                requests = (long, ask(server, "/1"), ask(server, "/2"))
                bodies = [(await each).body for each in [page(opened, one) for one in requests]]
                assert bodies == [b"x" * 9_999, PAGE, PAGE]


async def test_methods_and_bodies_are_sent(engine: str, ca: trustme.CA, ca_file: str) -> None:
    large = bytes(range(256)) * 8_000  # more than a stream's first window (RFC 9113, 6.9.2)
    asked = [("GET", None), ("POST", b"form"), ("GET", None), ("HEAD", None), ("PUT", large)]
    asked += [("POST", None), ("DELETE", None), ("PATCH", b""), ("OPTIONS", None), ("GET", None)]
    with Http2Server(ca, Peer.answer) as server:
        async with make_engine(engine, EngineOptions(1, http2=True, ca_file=ca_file)) as opened:
            for method, body in asked:
                request = msgspec.structs.replace(ask(server), method=method, body=body)
                response = await page(opened, request)
                assert response.http_version == "2"
                assert response.body == (b"" if method == "HEAD" else PAGE)
    assert [(each.method, each.body) for each in server.asked] == [
        (method, body or b"") for method, body in asked
    ]
    lengths = [dict(each.headers).get("content-length") for each in server.asked]
    large_length = str(len(large))
    assert lengths == [None, "4", None, None, large_length, "0", None, "0", None, None]
    names = {name for each in server.asked for name, _ in each.headers}
    assert names.isdisjoint(("expect", "content-type", "transfer-encoding"))
    assert server.connections == 1


@pytest.mark.promise("P75")
@pytest.mark.parametrize("first", [False, True], ids=["kept", "first"])
async def test_a_refused_post_is_not_repeated(
    engine: str, ca: trustme.CA, ca_file: str, first: bool
) -> None:
    """libcurl itself would send it again at once."""

    def handler(peer: Peer, asked: Asked) -> None:
        if asked.method == "POST":
            peer.h2.reset_stream(asked.stream, ErrorCodes.REFUSED_STREAM)
        else:
            peer.answer(asked)

    with Http2Server(ca, handler) as server:
        async with make_engine(engine, EngineOptions(1, http2=True, ca_file=ca_file)) as opened:
            if not first:
                await page(opened, ask(server))
            posted = msgspec.structs.replace(ask(server), method="POST", body=b"form")
            ended = await result(opened, posted)
            await page(opened, ask(server))
    assert isinstance(ended, FetchError)
    assert (ended.kind, ended.reused) == (FailureKind.RESET, False)
    assert [each.method for each in server.asked].count("POST") == 1


@pytest.mark.parametrize("first", [False, True], ids=["kept", "first"])
def test_a_refused_stream_is_repeated_after_the_delay(crawls: Crawl, first: bool) -> None:
    """RFC 9113, 8.7: the server has not processed it."""
    refused: set[str] = set()

    def handler(peer: Peer, asked: Asked) -> None:
        if asked.target not in refused and (first or asked.target != "/0"):
            refused.add(asked.target)
            peer.h2.reset_stream(asked.stream, ErrorCodes.REFUSED_STREAM)
        else:
            peer.answer(asked)

    done = crawls(handler, 4, delay=DELAY)
    assert not done.lost
    assert done.times == {f"/{n}": 2 if f"/{n}" in refused else 1 for n in range(4)}
    assert done.is_polite


@pytest.mark.promise("P75")
@pytest.mark.parametrize("retries", [0, 2])
def test_a_stream_that_is_always_refused_is_bounded(crawls: Crawl, retries: int) -> None:
    def handler(peer: Peer, asked: Asked) -> None:
        if asked.target == "/1":
            peer.h2.reset_stream(asked.stream, ErrorCodes.REFUSED_STREAM)
        else:
            peer.answer(asked)

    done = crawls(handler, 4, delay=DELAY, retry=[f"reset={retries},0.01"])
    assert done.lost == {"1"}
    assert done.times == {"/0": 1, "/1": 1 + max(retries, 1), "/2": 1, "/3": 1}
    assert done.is_polite


def test_a_goaway_loses_only_what_was_not_answered(crawls: Crawl) -> None:
    """RFC 9113, 6.8: streams above the last one were not processed, those below are answered."""
    waiting: list[Asked] = []

    def handler(peer: Peer, asked: Asked) -> None:
        if peer.number > 1 or asked.target == "/robots.txt":
            peer.answer(asked)
            return
        waiting.append(asked)
        if len(waiting) == 4:
            served = sorted(waiting, key=lambda each: each.stream)[:2]
            peer.raw(goaway(served[-1].stream))
            for each in served:
                peer.later(0.05, lambda each=each: peer.answer(each))

    done = crawls(handler, 4, robots=True, per_host=4, delay=DELAY)
    assert not done.lost
    assert sorted(done.times.values()) == [1, 1, 1, 2, 2]
    assert done.is_polite


@pytest.mark.parametrize("target", ["/0", "/1"])
def test_a_stream_that_the_server_resets_is_retried(crawls: Crawl, target: str) -> None:
    """Not at once: the connection is good, and the server may have begun to work on it."""
    reset: set[str] = set()

    def handler(peer: Peer, asked: Asked) -> None:
        if asked.target == target and not reset:
            reset.add(target)
            peer.h2.reset_stream(asked.stream, ErrorCodes.INTERNAL_ERROR)
        else:
            peer.answer(asked)

    done = crawls(handler, 3, retries=1)
    assert not done.lost
    assert done.times == {f"/{n}": 2 if f"/{n}" == target else 1 for n in range(3)}


@pytest.mark.parametrize("target", ["/0", "/2"])
def test_a_connection_that_ends_loses_no_page(crawls: Crawl, target: str) -> None:
    def handler(peer: Peer, asked: Asked) -> None:
        if asked.target == target and peer.number == 1:
            peer.transport.close()
        else:
            peer.answer(asked)

    done = crawls(handler, 4, retries=1)
    assert not done.lost
    assert done.times == {f"/{n}": 2 if f"/{n}" == target else 1 for n in range(4)}


@pytest.mark.nginx
def test_nginx_ends_connections_and_no_page_is_lost(
    engine: str, ca: trustme.CA, ca_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends GOAWAY after so many requests, while others are on their way."""
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    pem = tmp_path / "key.pem"
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    (tmp_path / "site").mkdir()
    for number in range(600):
        (tmp_path / "site" / f"{number}.html").write_bytes(PAGE * (number % 40))
    with Nginx(tmp_path / "nginx", tmp_path / "site", certificate=pem, requests=20) as nginx:
        urls = [nginx.url(f"{number}.html") for number in range(600)]
        options = {"http2": True, "per_host": 16, "delay": 0, "timeout": 20.0}
        ended = crawl(tmp_path / "run", urls, engine=engine, **options)
    assert not ended.failures
    assert len(ended.pages) == len(urls)
