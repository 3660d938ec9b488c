"""Names are looked up before their requests begin, and that changes nothing but the time."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.names import NamesServer, answer, asked_name

from crawler.fetch.addresses import AddressRules
from crawler.fetch.dns import SystemResolver
from crawler.fetch.fetcher import Fetcher
from crawler.fetch.headers import RequestHeaders
from crawler.model.errors import FetchError, SkipError

LATENCY = 0.05
MANY = 100


class SlowNames:
    """A name server that answers only what the test wants."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._loop = sock, asyncio.get_running_loop()
        self._questions: list[tuple[bytes, object]] = []
        self.asked: list[str] = []

    async def read(self, names: int) -> None:
        """Read the questions about so many names."""
        for _ in range(2 * names):
            question, client = await self._loop.sock_recvfrom(self._sock, 600)
            self._questions.append((question, client))
        self.asked = list(dict.fromkeys(asked_name(each) for each, _ in self._questions))

    async def answer(self) -> None:
        for question, client in self._questions:
            await self._loop.sock_sendto(self._sock, answer(question, ("192.0.2.1",)), client)


@asynccontextmanager
async def slow_names() -> AsyncIterator[tuple[SlowNames, SystemResolver]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        place = f"127.0.0.1:{sock.getsockname()[1]}"
        resolver = SystemResolver(AddressRules(["192.0.2.0/24"]), (place,))
        yield SlowNames(sock), resolver
        await resolver.close()


async def known(resolver: SystemResolver, host: str) -> None:
    async with asyncio.timeout(5):
        while (host, 80) not in resolver._known:  # noqa: ASYNC110 - it calls nobody
            await asyncio.sleep(0)


async def test_the_first_request_has_waited_for_a_look_up_ahead() -> None:
    async with slow_names() as (names, resolver):
        resolver.prepare("a.test", 80, MANY)
        await names.read(1)
        await asyncio.sleep(LATENCY)
        await names.answer()
        await known(resolver, "a.test")
        first, second = resolver.cached("a.test", 80), resolver.cached("a.test", 80)
    assert first is not None
    assert second is not None
    assert first.address == second.address == "192.0.2.1"
    assert first.lookup_s >= LATENCY
    assert second.lookup_s == 0


async def test_a_request_joins_a_look_up_ahead() -> None:
    async with slow_names() as (names, resolver):
        resolver.prepare("a.test", 80, MANY)
        await names.read(1)
        await asyncio.sleep(LATENCY)
        first, second = (asyncio.create_task(resolver.resolve("a.test", 80)) for _ in range(2))
        await asyncio.sleep(0)
        await names.answer()
        assert (await first).lookup_s >= LATENCY, "it is the one that needs it"
        assert (await second).lookup_s < (await first).lookup_s


async def test_a_failure_is_for_the_first_request_alone() -> None:
    with NamesServer({}) as server:
        resolver = server.network.resolver(AddressRules())
        assert isinstance(resolver, SystemResolver)
        resolver.prepare("a.test", 80, MANY)
        await known(resolver, "a.test")
        asked = len(server.asked)
        assert resolver.cached("a.test", 80) is None
        with pytest.raises(FetchError):
            await resolver.resolve("a.test", 80)
        assert len(server.asked) == asked, "it had the answer"
        with pytest.raises(FetchError):
            await resolver.resolve("a.test", 80)
        assert len(server.asked) > asked, "a retry asks again"
        await resolver.close()


@pytest.mark.promise("P07")
async def test_an_address_that_was_found_ahead_is_judged() -> None:
    with NamesServer({"a.test": ["10.0.0.1"]}) as server:
        resolver = server.network.resolver(AddressRules())
        assert isinstance(resolver, SystemResolver)
        resolver.prepare("a.test", 80, MANY)
        await known(resolver, "a.test")
        assert resolver.cached("a.test", 80) is None
        with pytest.raises(SkipError, match=r"10\.0\.0\.1"):
            await resolver.resolve("a.test", 80)
        await resolver.close()


async def test_only_so_many_look_ups_run_at_once() -> None:
    async with slow_names() as (names, resolver):
        for number in range(5):
            resolver.prepare(f"{number}.test", 80, 2)
        await names.read(2)
        assert names.asked == ["0.test", "1.test"]
        await names.answer()
        await names.read(2)
        assert names.asked[2:] == ["2.test", "3.test"]


async def test_what_needs_no_name_server_is_not_looked_up_ahead() -> None:
    async with slow_names() as (names, resolver):
        for host in ("192.0.2.1", "localhost", "a.invalid", "b.test"):
            resolver.prepare(host, 80, MANY)
        await names.read(1)
        assert names.asked == ["b.test"]
        assert not resolver._known


@pytest.mark.parametrize(("look_ups", "prepared"), [(1, []), (2, [("a.test", 443, 2)])])
def test_one_request_after_the_other_has_no_look_ups_ahead(
    look_ups: int, prepared: list[tuple[str, int, int]]
) -> None:
    class Noted:
        def prepare(self, *asked: object) -> None:
            noted.append(asked)

    noted: list[object] = []
    fetcher = Fetcher(
        None,  # type: ignore[arg-type]
        Noted(),  # type: ignore[arg-type]
        RequestHeaders(()),
        1.0,
        100,
        look_ups=look_ups,
    )
    fetcher.prepare("https://a.test/page")
    assert noted == prepared
