"""A look-up is timed by the kernel, and leaves nothing open."""

import asyncio
import socket
import time
from pathlib import Path

import pytest
from support.kernel_truth import KernelTruth, WebSettings

from crawler.fetch.addresses import AddressRules
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


async def test_a_cancelled_look_up_leaves_nothing_open() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.setblocking(False)
        before = open_files()
        names = NameServers((f"127.0.0.1:{silent.getsockname()[1]}",))
        task = asyncio.create_task(names.look_up("a.test"))
        await asyncio.get_running_loop().sock_recv(silent, 600)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):  # c-ares closes its sockets on a thread
            while open_files() - before:  # noqa: ASYNC110 - which says nothing
                await asyncio.sleep(0)


@pytest.mark.promise("P21")
@pytest.mark.parametrize("host", ["a" * 64 + ".test", "a..test"])
async def test_a_malformed_name_is_a_dns_failure(host: str) -> None:
    names = NameServers(())
    with pytest.raises(FetchError) as caught:
        await names.look_up(host)
    names.close()
    assert caught.value.kind is FailureKind.DNS
    assert host in caught.value.message
