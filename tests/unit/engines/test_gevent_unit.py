"""The ``gevent`` engine: what it keeps, what it leaves alone, and what is shown without gevent."""

import asyncio
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import gevent.monkey
import pytest
from gevent import _hub_local
from msgspec.structs import replace

from crawler.cli import main
from crawler.cli.compare import _engines
from crawler.engines import names
from crawler.engines.base import EngineOptions
from crawler.engines.gevent import GeventEngine
from crawler.engines.greenlets.hub import HubThread
from crawler.engines.registry import engine_capabilities, make_engine
from crawler.localweb.server import CLOSE, Answer, Server
from crawler.model.errors import UsageError
from crawler.testing.contract.helpers import ask, outcome

LINE = "pip install 'simulcrawl[gevent]'"


@pytest.fixture
def without_gevent(monkeypatch: pytest.MonkeyPatch) -> None:
    find = names.find_spec
    monkeypatch.setattr(
        names, "find_spec", lambda name: None if name == "geventhttpclient" else find(name)
    )


@pytest.mark.usefixtures("without_gevent")
def test_without_its_packages_it_is_shown_with_the_command_that_installs_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["engines"]) == 0
    shown = capsys.readouterr().out
    assert "gevent      not installed" in shown
    assert f"To install it: {LINE}" in shown
    found = {each.name: each for each in engine_capabilities()}
    assert found["gevent"].suspends == "greenlets"


@pytest.mark.usefixtures("without_gevent")
def test_without_its_packages_it_cannot_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError) as caught:
        make_engine("gevent", EngineOptions(1))
    assert LINE in str(caught.value)
    assert main(["crawl", "--engine", "gevent", "http://127.0.0.1:9/"]) == 2
    assert LINE in capsys.readouterr().err


@pytest.mark.usefixtures("without_gevent")
def test_without_its_packages_it_is_left_out_of_all() -> None:
    assert "gevent" not in names.installed_engines()
    for wanted in (None, "all"):
        assert "gevent" not in _engines(wanted, one=False)
        assert "curl" in _engines(wanted, one=False)


def test_other_engines_do_not_import_it() -> None:
    code = (
        "import sys; from crawler.engines.registry import engine_capabilities, make_engine\n"
        "from crawler.engines.base import EngineOptions\n"
        "make_engine('curl', EngineOptions(1))\n"
        "import crawler.engines.gevent\n"
        "assert 'gevent' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


async def test_nothing_is_patched_and_no_other_hub_is_made() -> None:
    with Server(lambda _: Answer(body=b"page")) as server:
        async with GeventEngine(EngineOptions(2)) as engine:
            assert await outcome(engine, ask(server)) == (200, b"page")
    assert not gevent.monkey.saved
    assert socket.socket.__module__ == "socket"
    assert _hub_local.get_hub_if_exists() is None


async def test_connections_are_kept_whatever_the_number_of_open_files() -> None:
    """geventhttpclient asks select(2), for which a descriptor over 1,023 is an error."""
    with Server(lambda _: Answer()) as server, many_files_open():
        async with GeventEngine(EngineOptions(1)) as engine:
            for _ in range(3):
                assert await outcome(engine, ask(server)) == (200, b"")
        assert server.connections == 1


@contextmanager
def many_files_open() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4_096:
        pytest.skip("this process may not open 1,100 files more")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4_096), hard))
    try:
        with ExitStack() as files:
            for _ in range(1_100):
                files.enter_context(Path("/dev/null").open("rb"))
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


OK = b"HTTP/1.1 200 OK\r\n"
FIVE = b"Content-Length: 5\r\n\r\nhello"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
KEPT = (
    OK + FIVE,
    OK + b"Connection: keep-alive\r\n" + FIVE,
    OK + CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
    OK + CHUNKED + b"5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    OK + b"Content-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No\r\n\r\n",
    b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n" + FIVE,
)
CLOSED = (
    OK + b"Connection: close\r\n" + FIVE,
    OK + b"Connection: keep-alive\r\nConnection: a, Close\r\n" + FIVE,
    b"HTTP/1.0 200 OK\r\n" + FIVE,
    OK + FIVE + b"EVIL",
    OK + CHUNKED + b"0\r\n\r\nEVIL",
    b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 304 No\r\n" + CHUNKED,
    b"HTTP/1.1 204 No\r\n\r\nEVIL",
    OK + b"Content-Length: 500000\r\n\r\n" + 70_000 * b"y",  # it is cut
)


@pytest.mark.promise("P16", "P78")
@pytest.mark.parametrize("raw", [*KEPT, *CLOSED], ids=lambda raw: raw[9:99])
async def test_a_connection_is_kept_if_a_response_can_follow(raw: bytes) -> None:
    with Server(lambda _: Answer(script=(raw,))) as server:
        async with GeventEngine(EngineOptions(1)) as engine:
            for _ in range(2):
                ended = await outcome(engine, replace(ask(server, max_bytes=5), cut=True))
                assert isinstance(ended, tuple)
    assert server.connections == (1 if raw in KEPT else 2)


@pytest.mark.promise("P65")
async def test_a_place_without_a_connection_is_forgotten() -> None:
    addresses = tuple(f"127.0.0.{number}" for number in range(1, 7))
    with Server(lambda _: Answer(), addresses=addresses) as server:
        async with GeventEngine(EngineOptions(1, connections=2)) as engine:
            for _ in range(2):
                for address in addresses:
                    assert await outcome(engine, ask(server, dial=address)) == (200, b"")
            connections = engine._fetcher._connections
            assert {place.host for place in connections._pools} == {*addresses[-2:]}
            assert len(connections._kept) == connections._open == 2
            closing = Server(lambda _: Answer(script=(b"HTTP/1.1 200 OK\r\n\r\nend", CLOSE)))
            with closing:
                assert await outcome(engine, ask(closing)) == (200, b"end")
            assert len(connections._pools) == connections._open == 1


async def test_a_connection_is_not_kept_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(lambda _: Answer()) as server:
        async with GeventEngine(EngineOptions(1)) as engine:
            await outcome(engine, ask(server))
            await outcome(engine, ask(server))
            monkeypatch.setattr("crawler.engines.greenlets.connections.KEPT_SECONDS", 0.0)
            await outcome(engine, ask(server))
    first, second, third = (seen.connection for seen in server.seen)
    assert first == second != third


async def test_calls_come_in_order_and_the_last_ones_are_ignored() -> None:
    here = threading.current_thread()
    called: list[object] = []
    told: list[object] = []

    def note(number: int) -> None:
        called.append((number, threading.current_thread().name))
        hub.tell(lambda: told.append((number, threading.current_thread() is here)))

    hub = HubThread(lambda: called.append("begin"), lambda: called.append("end"))
    await hub.start()
    done = asyncio.Event()
    for number in range(3):
        hub.call(partial(note, number))
    hub.call(lambda: hub.tell(done.set))
    await done.wait()
    await hub.stop()
    hub.call(partial(note, 3))
    assert called == ["begin", *((number, "fetch-hub") for number in range(3)), "end"]
    assert told == [(number, True) for number in range(3)]


async def test_a_hub_that_cannot_be_made_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("too many open files")

    monkeypatch.setattr("gevent.get_hub", fail)
    before = threading.active_count()
    with pytest.raises(OSError, match="too many open files"):
        async with GeventEngine(EngineOptions(1)):
            pass
    assert threading.active_count() == before


async def test_an_error_of_our_own_ends_its_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise RuntimeError("a bug")

    monkeypatch.setattr("crawler.engines.greenlets.fetcher.request_head", fail)
    with Server(lambda _: Answer()) as server:
        async with GeventEngine(EngineOptions(1)) as engine:
            for _ in range(2):
                with pytest.raises(RuntimeError, match="a bug"):
                    await engine.fetch(ask(server))


async def test_a_fetch_after_the_end_is_a_failure() -> None:
    with Server(lambda _: Answer()) as server:
        engine = GeventEngine(EngineOptions(1))
        async with engine:
            pass
        assert str(await outcome(engine, replace(ask(server), timeout=1.0))) == "reset"
