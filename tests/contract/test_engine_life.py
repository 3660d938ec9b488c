"""Finer than the contract: the wait for a slot, and timing by the kernel's clock."""

import asyncio
import statistics
import sys
import time

import pytest

from crawler.engines.aiohttp import AiohttpEngine
from crawler.engines.base import Engine, EngineOptions
from crawler.engines.sequential import SequentialEngine
from crawler.localweb.server import CLOSE, Answer
from crawler.model.errors import FailureKind, UsageError
from crawler.testing.contract.helpers import OK, Arrivals, ask, outcome, script

LINUX = sys.platform == "linux"
# Engines whose deadlines start when a slot is free. The crawler never sends more than it has slots.
QUEUE_FIRST = {"tornado"}


def compute(seconds: float) -> None:
    """Keep the thread busy."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))


def slots(engine: Engine) -> int:
    return engine.capabilities.max_concurrency or 4


def test_sequential_refuses_concurrency() -> None:
    with pytest.raises(UsageError, match="concurrency must be 1, not 8"):
        SequentialEngine(EngineOptions(8))


@pytest.mark.promise("P20")
async def test_the_deadline_covers_the_wait_for_a_slot(
    engine: Engine, engine_name: str, serve
) -> None:
    if engine_name in QUEUE_FIRST:
        return
    arrivals = Arrivals(slots(engine))
    server = serve(arrivals)
    holding = [asyncio.create_task(outcome(engine, ask(server))) for _ in range(slots(engine))]
    await arrivals.wait()
    async with asyncio.timeout(1.4):
        assert await outcome(engine, ask(server, timeout=0.4)) is FailureKind.TIMEOUT
    for task in holding:
        task.cancel()
    await asyncio.gather(*holding, return_exceptions=True)


@pytest.mark.promise("P65")
async def test_aiohttp_forgets_a_kept_connection_that_the_server_closed(serve) -> None:
    """Otherwise it stays in memory until the next request to its host."""
    closing = script(OK, b"Content-Length: 4\r\n\r\npage", 0.02, CLOSE)
    async with AiohttpEngine(EngineOptions(4)) as engine:
        assert await outcome(engine, ask(serve(closing))) == (200, b"page")
        kept = engine._session.connector._conns
        assert len(kept) == 1
        for _ in range(1_000):
            if not kept:
                break
            await asyncio.sleep(0.005)
        assert not kept


async def test_the_kernel_times_the_response(engine: Engine, serve, scheme: str) -> None:
    server = serve(Answer(body=b"x" * 20_000, latency=0.05), scheme)
    timings = [(await engine.fetch(ask(server))).timing for _ in range(5)]
    for timing in timings:
        assert timing.sure
        assert timing.method == ("kernel" if LINUX else "library")
    assert 0.04 <= statistics.median(timing.answer for timing in timings) <= 0.08
    assert statistics.median(timing.io_wait for timing in timings) <= 0.08


async def test_event_loop_lag_is_not_counted_as_waiting(engine: Engine, serve) -> None:
    arrivals = Arrivals(answer=Answer(latency=0.05))
    task = asyncio.create_task(engine.fetch(ask(serve(arrivals))))
    await arrivals.wait()
    compute(0.3)
    timing = (await task).timing
    assert timing.answer < 0.15
    assert engine.capabilities.own_threads or timing.buffered > 0.15


async def test_each_fetch_has_its_own_wait(engine: Engine, serve) -> None:
    """A library may send the next request before it reports the response to the last one."""
    count = slots(engine)
    arrivals = Arrivals(count, Answer(latency=0.1))
    server = serve(arrivals)
    tasks = [asyncio.create_task(engine.fetch(ask(server))) for _ in range(count)]
    await arrivals.wait()
    compute(0.15)  # so that the loop handles responses and new requests together
    tasks += [asyncio.create_task(engine.fetch(ask(server))) for _ in range(count)]
    waits = [(await task).timing.answer for task in tasks]
    assert all(0.09 <= wait <= 0.25 for wait in waits), waits


async def test_a_slow_handshake_is_counted_as_tls_time(engine: Engine, serve) -> None:
    server = serve(Answer(), "https", handshake_delay=0.05)
    timing = (await engine.fetch(ask(server))).timing
    assert 0.04 <= timing.tls <= 0.5
    assert timing.answer < 0.04
    assert timing.connect < 0.04


async def test_timing_of_a_large_body_is_not_sure(engine: Engine, serve) -> None:
    server = serve(lambda seen: Answer(body=b"x" * int(seen.target[1:])))
    assert (await engine.fetch(ask(server, "/65536"))).timing.sure
    assert not (await engine.fetch(ask(server, "/65537"))).timing.sure
