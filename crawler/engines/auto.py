"""The ``auto`` engine: uses the engine that needs the least CPU for this run.

While the fetch thread mostly waits, all engines are equally fast, and the first candidate stays. If
the thread's CPU limits the crawl, each candidate fetches the same number of the run's own requests,
and the one with the least CPU time per request stays. A trial sends no additional requests.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal, Protocol, Self

import msgspec

from crawler.engines.base import Capabilities, Engine
from crawler.model.events import Choice
from crawler.model.exchange import Request, Response

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds of a run before other engines are tried; importing and trying them takes about 0.5 s."""
_CHECK_EVERY = 16
_WARM_UP = 64
"""Requests of a turn that do not count: new connections, and the last engine is still busy."""
_COUNTED = 192
_TURN_SECONDS = 1.0
"""Seconds that a turn may take, at most."""
_WORTH_A_CHANGE = 0.9
"""An engine replaces the first one only if it needs less than this share of its CPU."""

_LIMITING_SHARE = 0.5

Make = Callable[[], Engine]


class Clocks(Protocol):
    """Clocks of the calling thread: wall time, CPU time and time waiting for a core, in seconds."""

    def __call__(self) -> tuple[float, float, float]: ...

    def close(self) -> None: ...


class StoppedClocks:
    """Clocks that do not advance: for an engine that is created only for its capabilities."""

    def __call__(self) -> tuple[float, float, float]:
        return 0.0, 0.0, 0.0

    def close(self) -> None:
        """Do nothing: nothing is open."""


class _Watch:
    """Measures the fetch thread since the first request."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._first: tuple[float, float, float] | None = None
        self._in_flight = 0
        self._ended = 0
        self._since = self._in_flight_seconds = 0.0

    def begin(self) -> None:
        if not self._in_flight:
            now = self._clocks()
            self._first = self._first or now
            self._since = now[0]
        self._in_flight += 1

    def end(self) -> None:
        self._in_flight -= 1
        self._ended += 1
        if not self._in_flight:
            self._in_flight_seconds += self._clocks()[0] - self._since

    @property
    def seconds(self) -> float:
        """Seconds since the first request."""
        return 0.0 if self._first is None else self._clocks()[0] - self._first[0]

    def choose(self, engine: str) -> Choice:
        """Return the choice of ``engine`` with the figures so far."""
        if self._first is None:
            return Choice(engine)
        now = self._clocks()
        wall, cpu, delay = (after - before for after, before in zip(now, self._first, strict=True))
        in_flight_seconds = self._in_flight_seconds + (
            now[0] - self._since if self._in_flight else 0.0
        )
        return _judge(
            engine, self._ended, wall, cpu, delay, max(0.0, in_flight_seconds - cpu - delay)
        )


def _judge(
    engine: str, requests: int, wall: float, cpu: float, delayed: float, waiting: float
) -> Choice:
    """Judge the figures of the fetch thread: CPU limits, waiting for responses limits, or neither.

    CPU limits if the thread had work for at least half of the time. Otherwise, waiting limits if
    the thread spent at least half of the rest waiting for responses.
    """
    busy = min(1.0, (cpu + delayed) / wall) if wall > 0 else 0.0
    bound: Literal["cpu", "io"] | None = None
    if busy >= _LIMITING_SHARE:
        bound = "cpu"
    elif waiting >= (1 - busy) * wall * _LIMITING_SHARE:
        bound = "io"
    return Choice(engine, requests, cpu, waiting, busy, bound)


class _Trial:
    """An open engine, and the figures of its turn."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.name = name
        self.engine = engine
        self.in_flight = self.ended = 0
        self.cost = math.inf
        self._answered = 0
        self._begun = 0.0
        self._warm: float | None = None

    def count(self, *, answered: bool) -> None:
        self.in_flight -= 1
        self.ended += 1
        self._answered += answered

    def begin_turn(self, wall: float) -> None:
        self.ended = self._answered = 0
        self._begun, self._warm = wall, None

    def is_done(self, wall: float, cpu: float) -> bool:
        """Whether its turn is over; ``cost`` is then set if it received responses. Call regularly.

        The turn ends early if the first requests all failed.
        """
        elapsed = wall - self._begun
        if self._warm is None and not self._answered:
            return True
        if self._warm is None and (self.ended >= _WARM_UP or elapsed >= _TURN_SECONDS / 2):
            self._warm, self._answered = cpu, 0
        elif self.ended >= _WARM_UP + _COUNTED or elapsed >= _TURN_SECONDS:
            if self._warm is not None and self._answered:
                self.cost = (cpu - self._warm) / self._answered
            return True
        return False


class AutoEngine:
    """Fetches with the first of ``candidates`` until another one proves cheaper.

    The others are created, and their libraries imported, only if needed, on another thread.
    ``clocks`` are read on the loop's thread and closed together with the engine.
    """

    def __init__(self, candidates: Mapping[str, Make], clocks: Clocks) -> None:
        (name, make), *self._others = candidates.items()
        self._best = self._turn = _Trial(name, make())
        self._open = [self._best]
        self._turns: deque[_Trial] | None = None
        self._clocks = clocks
        self._watch = _Watch(clocks)
        self._choice: Choice | None = None
        self._opening: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def capabilities(self) -> Capabilities:
        first = self._best.name
        names = ", ".join([first, *(name for name, _ in self._others)])
        return msgspec.structs.replace(
            self._best.engine.capabilities,
            name="auto",
            summary=f"{first}; if CPU limits the crawl, the one of {names} that needs the least",
            library="the chosen engine's",
            http2=False,
            proxies=("http",),  # all candidates support it
            notes=(),
        )

    @property
    def choice(self) -> Choice:
        """The final choice, or the current one; read it on the loop's thread."""
        return self._choice or self._watch.choose(self._best.name)

    async def __aenter__(self) -> Self:
        await self._best.engine.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._choice = self.choice
        if self._opening is not None:
            await asyncio.wait([self._opening])
        left, self._open = self._open, []
        for each in left:
            await each.engine.__aexit__(None, None, None)
        if self._closing:
            await asyncio.wait(self._closing)
        self._clocks.close()

    async def fetch(self, request: Request) -> Response:
        if self._choice is not None:
            return await self._best.engine.fetch(request)
        candidate, answered = self._turn, False
        candidate.in_flight += 1
        self._watch.begin()
        try:
            response = await candidate.engine.fetch(request)
            answered = True
            return response
        finally:
            candidate.count(answered=answered)
            self._watch.end()
            self._ended(candidate)

    def _ended(self, candidate: _Trial) -> None:
        if self._choice is not None:
            self._close_unless_needed(candidate)
        elif candidate is self._turn and candidate.ended % _CHECK_EVERY == 0:
            if self._turns is not None:
                self._check_turn(candidate, self._turns)
            elif self._opening is None:
                self._decide_on_trial()

    def _decide_on_trial(self) -> None:
        """After ``PATIENCE`` seconds, decide whether to try the other engines."""
        if self._watch.seconds < PATIENCE:
            return
        if self.choice.bound == "cpu" and self._others:
            self._opening = asyncio.get_running_loop().create_task(self._open_others())
        else:
            self._settle(self._best)

    async def _open_others(self) -> None:
        for name, make in self._others:
            try:
                engine = await asyncio.to_thread(make)
                await engine.__aenter__()
            except Exception:
                log.exception("cannot try the engine %s", name)
            else:
                self._open.append(_Trial(name, engine))
        self._turns = deque(self._open)
        self._next_turn(self._turns, self._clocks()[0])

    def _check_turn(self, candidate: _Trial, turns: "deque[_Trial]") -> None:
        wall, cpu, _ = self._clocks()
        if candidate.is_done(wall, cpu):
            self._next_turn(turns, wall)

    def _next_turn(self, turns: "deque[_Trial]", wall: float) -> None:
        if turns:
            self._turn = turns.popleft()
            self._turn.begin_turn(wall)
            return
        cheapest = min(self._open, key=lambda each: each.cost)
        worth_a_change = cheapest.cost < _WORTH_A_CHANGE * self._best.cost < math.inf
        self._settle(cheapest if worth_a_change else self._best)

    def _settle(self, best: _Trial) -> None:
        tried = {each.name: each.cost for each in self._open} if self._turns is not None else {}
        self._choice = msgspec.structs.replace(self.choice, engine=best.name, costs=tried)
        self._best = best
        for each in list(self._open):
            self._close_unless_needed(each)

    def _close_unless_needed(self, candidate: _Trial) -> None:
        if candidate is self._best or candidate.in_flight or candidate not in self._open:
            return
        self._open.remove(candidate)
        closing = asyncio.get_running_loop().create_task(_close(candidate.engine))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def _close(engine: Engine) -> None:
    await engine.__aexit__(None, None, None)
