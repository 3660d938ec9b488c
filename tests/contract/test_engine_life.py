"""The engine contract: concurrency, cancelling, closing, kept-alive connections and timing."""

import asyncio
import statistics
import sys
import threading
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.engines import SILENT, Arrivals, ask, outcome

from crawler.engines.base import Engine, EngineOptions
from crawler.engines.names import AUTO
from crawler.engines.sequential import SequentialEngine
from crawler.localweb.server import CLOSE, Answer
from crawler.model.errors import FailureKind, FetchError, UsageError

LINUX = sys.platform == "linux"
# Engines whose deadlines start when a slot is free. The crawler never sends more than it has slots.
QUEUE_FIRST = {"tornado"}


def open_sockets() -> set[str]:
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except FileNotFoundError:  # the descriptor of iterdir itself
            continue
    return {link for link in links if link.startswith("socket:")}


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


async def test_fetches_run_at_the_same_time(engine: Engine, serve) -> None:
    arrivals = Arrivals(slots(engine))
    server = serve(arrivals)
    tasks = [asyncio.create_task(outcome(engine, ask(server, timeout=3.0))) for _ in range(4)]
    await arrivals.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_more_fetches_than_slots_all_finish(engine: Engine, serve) -> None:
    server = serve(lambda seen: Answer(body=seen.target.encode()))
    paths = [f"/{number}" for number in range(25)]
    ended = await asyncio.gather(*(outcome(engine, ask(server, path)) for path in paths))
    assert ended == [(200, path.encode()) for path in paths]


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


@pytest.mark.parametrize("when", ["answer", "body", "connect"])
async def test_cancelling_frees_every_slot(engine: Engine, serve, scheme: str, when: str) -> None:
    count = slots(engine)
    begun = Answer(script=(b"HTTP/1.1 200 OK\r\n\r\nbody", *SILENT.script))
    arrivals = Arrivals(count, begun if when == "body" else SILENT)
    server = serve(arrivals, **({"accept": False} if when == "connect" else {"scheme": scheme}))
    tasks = [asyncio.create_task(engine.fetch(ask(server))) for _ in range(3 * count)]
    if when == "connect":
        assert len((await asyncio.wait(tasks, timeout=0.1))[1]) == len(tasks)
    else:
        await arrivals.wait()
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(error, asyncio.CancelledError) for error in ended)
    again = Arrivals(count)  # they arrive at the same time, unless a slot is lost
    other = serve(again, scheme)
    tasks = [asyncio.create_task(engine.fetch(ask(other))) for _ in range(count)]
    await again.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await outcome(engine, ask(serve(Answer(body=b"fine"), scheme))) == (200, b"fine")


async def test_every_failure_frees_its_slot(engine: Engine, serve) -> None:
    broken, silent = serve(Answer(script=(b"junk\r\n\r\n", CLOSE))), serve(SILENT)
    for _ in range(2 * slots(engine)):
        assert await outcome(engine, ask(broken)) is FailureKind.PROTOCOL
        assert await outcome(engine, ask(silent, timeout=0.05)) is FailureKind.TIMEOUT
    assert await outcome(engine, ask(serve(Answer(body=b"fine")))) == (200, b"fine")


@pytest.mark.parametrize("last", ["good", "failed", "cancelled", "timed out"])
async def test_closing_leaves_nothing_open(make_engine, serve, scheme: str, last: str) -> None:
    arrivals = Arrivals(answer=Answer(script=(b"HTTP/1.1 200 OK\r\n\r\nbody", *SILENT.script)))
    good, broken = serve(Answer(), scheme), serve(Answer(script=(b"HTTP/", CLOSE)), scheme)
    silent = serve(arrivals, scheme)
    before = open_sockets(), set(threading.enumerate()), asyncio.all_tasks()
    async with make_engine() as engine:
        await asyncio.gather(*(engine.fetch(ask(good)) for _ in range(3)))
        match last:
            case "failed":
                assert await outcome(engine, ask(broken)) is not FailureKind.TIMEOUT
            case "timed out":
                assert await outcome(engine, ask(silent, timeout=0.2)) is FailureKind.TIMEOUT
            case "cancelled":
                task = asyncio.create_task(engine.fetch(ask(silent)))
                await arrivals.wait()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
    assert set(threading.enumerate()) == before[1]
    assert asyncio.all_tasks() == before[2]
    for server in (good, broken, silent):
        server.__exit__(None, None, None)  # closes their ends of the connections
    assert open_sockets() <= before[0]


async def test_closing_ends_fetches_in_flight(make_engine, serve, scheme: str) -> None:
    arrivals = Arrivals()
    server = serve(arrivals, scheme)
    async with make_engine() as engine:
        task = asyncio.create_task(engine.fetch(ask(server, timeout=30.0)))
        await arrivals.wait()
    async with asyncio.timeout(5.0):
        (ended,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(ended, FetchError | asyncio.CancelledError)


async def test_a_closed_engine_can_be_entered_again(make_engine, engine_name: str, serve) -> None:
    if engine_name == AUTO:  # makes one choice, for one crawl; it is never given as an object
        return
    server = serve(Answer(body=b"fine"))
    before = open_sockets(), set(threading.enumerate()), asyncio.all_tasks()
    engine = make_engine()
    for _ in range(2):
        async with engine:
            fetches = [outcome(engine, ask(server)) for _ in range(slots(engine))]
            assert set(await asyncio.gather(*fetches)) == {(200, b"fine")}
    assert (set(threading.enumerate()), asyncio.all_tasks()) == before[1:]
    server.__exit__(None, None, None)
    assert open_sockets() <= before[0]


async def test_an_unused_engine_closes(make_engine) -> None:
    before = open_sockets(), set(threading.enumerate()), asyncio.all_tasks()
    async with make_engine():
        pass
    assert (open_sockets(), set(threading.enumerate()), asyncio.all_tasks()) == before


async def test_connections_are_reused_as_the_capabilities_say(
    engine: Engine, serve, scheme: str
) -> None:
    server = serve(Answer(body=b"page"), scheme)
    timings = [(await engine.fetch(ask(server))).timing for _ in range(3)]
    kept = engine.capabilities.keep_alive
    assert [timing.reused for timing in timings] == [False, kept, kept]
    assert server.connections == (1 if kept else 3)
    for timing in timings:
        assert not timing.reused or timing.connect == timing.tls == 0.0


async def test_the_response_is_timed(engine: Engine, serve, scheme: str) -> None:
    server = serve(Answer(body=b"x" * 20_000, latency=0.05), scheme)
    timings = [(await engine.fetch(ask(server))).timing for _ in range(5)]
    for timing in timings:
        assert 0.0 < timing.first_byte <= timing.total
        assert timing.total >= 0.05
        assert timing.buffered < 0.05
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


async def test_the_lookup_time_is_passed_on(engine: Engine, serve) -> None:
    server = serve(Answer())
    request = ask(server)
    looked_up = replace(request, endpoint=replace(request.endpoint, lookup_s=0.25))
    assert (await engine.fetch(looked_up)).timing.dns == 0.25
