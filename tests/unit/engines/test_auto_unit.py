"""The ``auto`` engine on a clock of the test's own: whom it tries, when, and whom it keeps."""

import asyncio
import math
from collections.abc import Callable
from typing import Any, Self

import pytest

from crawler.engines.auto import PATIENCE, AutoEngine
from crawler.engines.base import Capabilities
from crawler.metrics import sentences
from crawler.model.errors import FailureKind, FetchError, UsageError
from crawler.model.events import Choice
from crawler.model.exchange import Endpoint, Request, Response, Timing

REQUEST = Request("http://a.example/", Endpoint("192.0.2.1", "127.0.0.1", 80), (), 10.0, 1000)


class Clock:
    """Wall time, CPU and time without a core; they pass when a test says so."""

    def __init__(self) -> None:
        self.wall = 100.0
        self.cpu = self.delay = 0.0
        self.closed = False

    def __call__(self) -> tuple[float, float, float]:
        return self.wall, self.cpu, self.delay

    def close(self) -> None:
        self.closed = True

    def compute(self, seconds: float) -> None:
        self.wall += seconds
        self.cpu += seconds


class Fake:
    """An engine whose every fetch computes for ``cpu`` seconds and waits for ``wait`` more."""

    def __init__(self, clock: Clock, cpu: float, wait: float = 0.0, *, fails: bool = False) -> None:
        self.clock, self.cpu, self.wait, self.fails = clock, cpu, wait, fails
        self.asked = 0
        self.opened = self.closed = 0
        self.held: asyncio.Event | None = None

    capabilities = Capabilities(
        "fake", "", "fake 1", keep_alive=True, http2=True, own_threads=False, notes=("odd",)
    )

    async def __aenter__(self) -> Self:
        self.opened += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed += 1

    async def fetch(self, request: Request) -> Response:
        self.asked += 1
        self.clock.compute(self.cpu)
        self.clock.wall += self.wait
        if self.held is not None:
            await self.held.wait()
        if self.fails:
            raise FetchError(FailureKind.PROTOCOL, "no")
        return Response(200, (), b"", Timing())


class Trial:
    """An ``auto`` engine and the fakes it chooses from."""

    def __init__(self, first: dict[str, Any] | None = None, **others: dict[str, Any]) -> None:
        self.clock = Clock()
        named = {"one": first or {"cpu": 0.001}, **others}
        self.fakes = {name: Fake(self.clock, **facts) for name, facts in named.items()}
        self.made: list[str] = []
        self.engine = AutoEngine({name: self.maker(name) for name in named}, self.clock)

    def maker(self, name: str) -> Callable[[], Fake]:
        def make() -> Fake:
            self.made.append(name)
            return self.fakes[name]

        return make

    async def fetch(self, times: int) -> int:
        """``times`` fetches, one after the other; gives how many failed."""
        failed = 0
        for _ in range(times):
            try:
                await self.engine.fetch(REQUEST)
            except FetchError:
                failed += 1
        return failed

    async def until_settled(self) -> None:
        """Fetch until every candidate had its turn."""
        async with asyncio.timeout(20):
            while not self.engine.choice.costs:
                await self.fetch(16)
                await asyncio.sleep(0)  # the others are made meanwhile

    async def until_turn_of(self, name: str) -> None:
        async with asyncio.timeout(20):
            while not self.fakes[name].asked:
                await self.fetch(1)
                await asyncio.sleep(0)


async def test_an_io_bound_run_keeps_the_first_engine() -> None:
    trial = Trial({"cpu": 0.001, "wait": 0.04}, two={"cpu": 0.0001})
    async with trial.engine as engine:
        await trial.fetch(1_000)
        assert engine.choice.bound == "io"
        assert engine.choice.waiting / engine.choice.cpu == pytest.approx(40)
        assert len(asyncio.all_tasks()) == 1  # nobody makes any other
    assert trial.made == ["one"]
    assert trial.fakes["one"].asked == 1_000


async def test_a_cpu_bound_run_takes_the_cheapest_engine() -> None:
    trial = Trial({"cpu": 0.003}, two={"cpu": 0.002}, three={"cpu": 0.001})
    async with trial.engine as engine:
        await trial.until_settled()
        assert engine.choice.engine == "three"
        assert engine.choice.costs == pytest.approx({"one": 0.003, "two": 0.002, "three": 0.001})
        before = trial.fakes["three"].asked
        await trial.fetch(100)
        assert trial.fakes["three"].asked == before + 100
        assert [fake.closed for fake in trial.fakes.values()] == [1, 1, 0]
    assert [(fake.opened, fake.closed) for fake in trial.fakes.values()] == [(1, 1)] * 3


async def test_a_trial_makes_no_extra_request() -> None:
    trial = Trial(two={"cpu": 0.002}, three={"cpu": 0.003})
    asked = 0
    async with trial.engine as engine, asyncio.timeout(20):
        while not engine.choice.costs:
            await trial.fetch(1)
            await asyncio.sleep(0)
            asked += 1
    assert sum(fake.asked for fake in trial.fakes.values()) == asked


async def test_the_first_engine_stays_if_cheapest() -> None:
    trial = Trial(two={"cpu": 0.002})
    async with trial.engine as engine:
        await trial.until_settled()
        assert engine.choice.engine == "one"
        assert trial.fakes["two"].closed == 1


async def test_a_small_gain_changes_nothing() -> None:
    trial = Trial({"cpu": 0.0010}, two={"cpu": 0.00095})
    async with trial.engine as engine:
        await trial.until_settled()
        assert engine.choice.engine == "one"


async def test_a_short_run_tries_no_other_engine() -> None:
    trial = Trial(two={"cpu": 0.0001})
    async with trial.engine as engine:
        await trial.fetch(int(PATIENCE / 0.001) - 1)
        assert engine.choice.bound == "cpu"
    assert trial.made == ["one"]


async def test_a_trial_turn_is_short() -> None:
    """Also where each of its requests takes a hundred times as long."""
    trial = Trial(two={"cpu": 0.1})
    async with trial.engine:
        await trial.until_settled()
    assert trial.fakes["two"].asked * 0.1 <= 3.2  # it is looked at each 16 requests


async def test_an_engine_that_only_fails_is_not_chosen() -> None:
    trial = Trial(two={"cpu": 0.0001, "fails": True})
    async with trial.engine as engine:
        await trial.until_settled()
        assert engine.choice.engine == "one"
        assert math.isinf(engine.choice.costs["two"])
    assert trial.fakes["two"].asked == 16


async def test_the_first_engine_stays_if_all_fail() -> None:
    trial = Trial({"cpu": 0.001, "fails": True}, two={"cpu": 0.0001, "fails": True})
    async with trial.engine as engine:
        await trial.until_settled()
        assert engine.choice.engine == "one"


async def test_the_first_engine_stays_if_unmeasured() -> None:
    """Its turn may have met a dead host: no reason to take one that may be dearer."""
    trial = Trial({"cpu": 0.001, "fails": True}, two={"cpu": 0.003})
    async with trial.engine as engine:
        await trial.until_settled()
        assert engine.choice.engine == "one"


async def test_failures_are_raised_to_the_caller() -> None:
    trial = Trial({"cpu": 0.001, "fails": True})
    async with trial.engine:
        assert await trial.fetch(7) == 7


async def test_an_engine_that_cannot_be_made_is_skipped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trial = Trial({"cpu": 0.002}, two={"cpu": 0.001})

    def broken() -> Fake:
        raise UsageError("no such library")

    engine = AutoEngine(
        {"one": trial.maker("one"), "broken": broken, "two": trial.maker("two")}, trial.clock
    )
    trial.engine = engine
    async with engine:
        await trial.until_settled()
        assert engine.choice.engine == "two"
        assert set(engine.choice.costs) == {"one", "two"}
    assert "cannot try the engine broken" in caplog.text


async def test_a_losing_engine_closes_after_its_last_request() -> None:
    trial = Trial(two={"cpu": 0.01})
    loser = trial.fakes["two"]
    async with trial.engine as engine:
        await trial.until_turn_of("two")
        loser.held = asyncio.Event()
        held = asyncio.create_task(engine.fetch(REQUEST))
        await asyncio.sleep(0)
        slow, loser.held = loser.held, None
        await trial.until_settled()
        await asyncio.sleep(0)
        assert not loser.closed
        slow.set()
        assert (await held).status == 200
        await asyncio.sleep(0)
        assert loser.closed == 1
    assert loser.closed == 1


async def test_a_cancelled_fetch_does_not_break_the_trial() -> None:
    trial = Trial({"cpu": 0.002}, two={"cpu": 0.001})
    fake = trial.fakes["two"]
    async with trial.engine as engine:
        await trial.until_turn_of("two")
        fake.held = asyncio.Event()
        tasks = [asyncio.create_task(engine.fetch(REQUEST)) for _ in range(5)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        fake.held = None
        await trial.until_settled()
        assert engine.choice.engine == "two"


async def test_closing_during_a_trial_closes_every_engine() -> None:
    trial = Trial(two={"cpu": 0.002}, three={"cpu": 0.002})
    async with trial.engine as engine:
        await trial.until_turn_of("two")
    assert [(fake.opened, fake.closed) for fake in trial.fakes.values()] == [(1, 1)] * 3
    assert trial.clock.closed
    assert engine.choice.bound == "cpu"
    assert len(asyncio.all_tasks()) == 1


async def test_closing_while_engines_open_closes_them() -> None:
    trial = Trial(two={"cpu": 0.002})
    async with trial.engine:
        while trial.clock.wall < 100 + PATIENCE + 0.1:
            await trial.engine.fetch(REQUEST)
    assert trial.fakes["one"].closed == 1
    assert trial.fakes["two"].opened == trial.fakes["two"].closed


async def test_a_thread_without_a_core_counts_as_busy() -> None:
    trial = Trial()
    async with trial.engine as engine:
        await trial.fetch(100)
        trial.clock.wall += 0.1
        trial.clock.delay += 0.1
        assert engine.choice.busy == pytest.approx(1.0)


async def test_an_idle_run_is_bound_by_neither() -> None:
    trial = Trial()
    async with trial.engine as engine:
        await trial.fetch(50)
        trial.clock.wall += 1.0
        await trial.fetch(50)
        assert engine.choice.bound is None


def test_capabilities_are_those_of_the_first_engine() -> None:
    about = Trial(two={"cpu": 1.0}).engine.capabilities
    assert about.name == "auto"
    assert "one, two" in about.summary
    assert about.keep_alive
    assert not about.http2
    assert about.notes == ()


BUSY = {"requests": 1_000, "cpu": 0.1, "busy": 0.9, "bound": "cpu"}


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({}, "only 0 requests, too few to see what limits the speed"),
        ({"requests": 31}, "only 31 requests, too few to see what limits the speed"),
        (
            {"requests": 99, "cpu": 0.1, "waiting": 4.0, "bound": "io"},
            "I/O-bound: waiting took 40 times as long as computing, so the choice of engine "
            "matters little",
        ),
        (
            {"requests": 99, "cpu": 0.0, "waiting": 4.0, "bound": "io"},
            "I/O-bound: waiting took longer than computing, so the choice of engine matters little",
        ),
        (
            {"requests": 99, "cpu": 1.0, "waiting": 0.4, "busy": 0.25},
            "neither I/O- nor CPU-bound: the fetch thread was idle 75 % of the time, mostly "
            "with no request in flight",
        ),
        (
            BUSY,
            "CPU-bound: the fetch thread was busy 90 % of the time, 100 µs per request; the "
            "crawl was too short to try another engine",
        ),
        (
            {**BUSY, "costs": {"a": 9.6e-5, "b": 2.016e-4, "c": math.inf}},
            "CPU-bound: the fetch thread was busy 90 % of the time, 96 µs per request; b needs "
            "2.1 times as much, c got no response",
        ),
        (
            {**BUSY, "costs": {"a": math.inf, "b": math.inf}},
            "CPU-bound: the fetch thread was busy 90 % of the time, but no engine could be "
            "measured",
        ),
    ],
)
def test_the_reason_is_one_line(facts: dict[str, Any], says: str) -> None:
    assert sentences.choice(Choice("a", **facts), 2) == f"a, 2 parse workers; {says}"
    assert sentences.choice(Choice("a", **facts), 0) == f"a; {says}"
