"""A look-up is timed by the kernel, and leaves nothing open."""

import asyncio
import socket
import threading
import time
from pathlib import Path

import pytest
from support.kernel_truth import KernelTruth, WebSettings
from support.names import answer, looked_up

from crawler.fetch import lookup_channel
from crawler.fetch.addresses import Addresses, AddressRules
from crawler.fetch.dns import SystemResolver
from crawler.fetch.lookup import NameServers
from crawler.model.errors import FailureKind, FetchError

LATENCY = 0.05
BUSY = 0.3


def open_files() -> set[str]:
    return {path.name for path in Path("/dev/fd").iterdir()}


@pytest.mark.promise("P70")
@pytest.mark.parametrize("truncated", [False, True])
async def test_a_late_event_loop_does_not_make_a_look_up_longer(*, truncated: bool) -> None:
    settings = WebSettings(latency=LATENCY, truncated=truncated)
    with KernelTruth(settings) as servers:
        resolver = SystemResolver(AddressRules(["a.test"]), (f"127.0.0.1:{servers.ports.names}",))
        first = asyncio.create_task(resolver.resolve("a.test", 80))
        await asyncio.sleep(LATENCY / 2)
        second = asyncio.create_task(resolver.resolve("a.test", 80))
        await asyncio.sleep(0)
        time.sleep(BUSY)  # noqa: ASYNC251 - the loop must be late
        waits = [(await task).lookup_s for task in (first, second)]
        await resolver.close()
    assert LATENCY <= waits[0] < BUSY / 2
    assert waits[1] < waits[0], "it waited for the same answer, but asked later"


async def test_a_look_up_without_an_answer_leaves_nothing_open() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.setblocking(False)
        before = open_files()
        names = NameServers((f"127.0.0.1:{silent.getsockname()[1]}",))
        told: list[object] = []
        names.ask("a.test", told.append)
        await asyncio.get_running_loop().sock_recv(silent, 600)
        names.close()
        async with asyncio.timeout(5):  # c-ares closes its sockets on a thread
            while open_files() - before:  # noqa: ASYNC110 - which says nothing
                await asyncio.sleep(0)
    assert not told


async def test_many_look_ups_share_a_few_sockets() -> None:
    """Each needs two questions; a socket for each look-up would cost more than the questions."""
    hosts = [f"h{number}.test" for number in range(2 * lookup_channel.MOST)]
    clients: set[tuple[str, int]] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        loop = asyncio.get_running_loop()
        names = NameServers((f"127.0.0.1:{server.getsockname()[1]}",))
        found = [asyncio.create_task(looked_up(names, host)) for host in hosts]
        for _ in range(2 * len(hosts)):
            question, client = await loop.sock_recvfrom(server, 600)
            clients.add(client)
            await loop.sock_sendto(server, answer(question, ("192.0.2.1",)), client)
        told = await asyncio.gather(*found)
        names.close()
    assert {each.addresses for each in told if isinstance(each, Addresses)} == {("192.0.2.1",)}
    assert len(told) == len(hosts)
    assert len(clients) == 2


async def test_a_lost_question_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup_channel, "_TIMEOUT", 0.2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        loop = asyncio.get_running_loop()
        names = NameServers((f"127.0.0.1:{server.getsockname()[1]}",))
        told = asyncio.create_task(looked_up(names, "a.test"))
        for _ in range(2):
            await loop.sock_recv(server, 600)
        async with asyncio.timeout(5):
            for _ in range(2):
                question, client = await loop.sock_recvfrom(server, 600)
                await loop.sock_sendto(server, answer(question, ("192.0.2.1",)), client)
            found = await told
        names.close()
    assert isinstance(found, Addresses)


@pytest.mark.promise("P21")
@pytest.mark.parametrize("host", ["a" * 64 + ".test", "a..test"])
async def test_a_malformed_name_is_a_dns_failure(host: str) -> None:
    names = NameServers(())
    error = await looked_up(names, host)
    names.close()
    assert isinstance(error, FetchError)
    assert error.kind is FailureKind.DNS
    assert host in error.message


async def test_no_more_threads_is_a_dns_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    names = NameServers(())
    error = await looked_up(names, "a.test")
    assert isinstance(error, FetchError)
    assert (error.kind, error.answered) == (FailureKind.DNS, False)
    assert "a.test" in error.message
