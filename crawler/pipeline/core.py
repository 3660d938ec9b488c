"""The one pipeline: frontier → engine → parse stage → output, and back to the frontier.

It knows interfaces only, runs on one event loop, and never computes on a page itself. A fetch slot
is taken before a task is made, and no slot is given out while what waits behind is full.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from crawler.frontier import redirect
from crawler.frontier.entry import Entry, Final, State
from crawler.frontier.robots import Rules, from_answer, unreachable
from crawler.frontier.ticket import Disallowed, Ticket
from crawler.model.content_coding import decode_body
from crawler.model.errors import FailureKind, FetchError, SkipError
from crawler.model.events import Counted, Finished, Idle, Load, Retried, RobotsFailed
from crawler.model.exchange import Response
from crawler.model.pages import Failure, Skipped, row_of
from crawler.parsing.batch import Outcome, Results, Task
from crawler.pipeline.checkpoint import Checkpoint
from crawler.pipeline.convert import FetchResult, end_of, fetched, job_for, pause_of
from crawler.pipeline.intake import Intake
from crawler.pipeline.parts import Limits, Parts
from crawler.sinks.jsonl import JsonlEncoder

MOST_RESETS = 10
"""How often a request that a kept connection took down with it goes out again uncounted."""
READ_BELOW = 256
"""Fewer requests than this in memory, and more of the input is read ahead."""


class Pipeline:
    """One crawl. Build it, ``await run()`` once; ``stop`` and ``abort`` end it early."""

    def __init__(self, parts: Parts, limits: Limits) -> None:
        self._parts = parts
        self._limits = limits
        self._encode = JsonlEncoder().encode
        self._intake = Intake(parts.source, parts.ledger, parts.frontier, parts.gate, parts.observe)
        self._checkpoint = Checkpoint(parts.ledger, parts.output, parts.observe)
        self._in_flight = 0
        self._parsing: dict[int, Ticket] = {}
        self._done = parts.ledger.store.counts.done
        self._mean_bytes = 0.0
        self._load: Load | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._is_reading = limits.read_first
        self._filling = False
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Until every entry has a final state, or it is stopped. Raises StateError, UsageError."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._failed_within)
        self._end: asyncio.Future[None] = self._loop.create_future()
        parts = self._parts
        parts.output.fail = parts.parse.fail = parts.ledger.fail = self._end_with
        parts.output.written = self._intake.arrived = parts.documents.arrived = self._refill
        parts.documents.call = self._call
        parts.parse.deliver = self._deliver
        parts.source.changed = lambda: self._call(self._refill)
        parts.source.failed = lambda error: self._call(self._end_with, error)
        self._intake.reject = self._reject
        try:
            async with parts.fetcher.engine, parts.parse:
                parts.opening()
                parts.source.start()
                self._checkpoint.start(self._end_with)
                self._refill()
                try:
                    await self._end
                finally:
                    await self._cancel()
                    await self._checkpoint.stop()
                self._observe_load(time.monotonic(), "backpressure")
                await self._checkpoint.finish()
                parts.closing(await parts.ledger.duplicate_pages())
        finally:
            parts.source.stop()
            parts.documents.close()
            await parts.fetcher.resolver.close()

    def stop(self) -> None:
        """Start nothing more, finish what is in flight."""
        self._stopping = True
        self._refill()

    def abort(self) -> None:
        """End at once; what is in flight is dropped, what is finished is written."""
        self._end_with(None)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        """From another thread, which may outlive the loop."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def _end_with(self, error: Exception | None) -> None:
        if self._end.done():
            return
        if error is None:
            self._end.set_result(None)
        else:
            self._end.set_exception(error)

    def _failed_within(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A mistake of ours in a callback: better an end that says so than none at all."""
        error = context.get("exception")
        self._end_with(error if isinstance(error, Exception) else RuntimeError(context["message"]))

    async def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # Slots

    def _refill(self) -> None:
        """Fill the slots at the end of this turn of the loop, however often it is asked."""
        if not self._filling:
            self._filling = True
            self._loop.call_soon(self._fill)

    def _fill(self) -> None:
        self._filling = False
        if self._end.done():
            return
        now = time.monotonic()
        idle = self._start_requests(now)
        if self._parts.frontier.waiting < READ_BELOW:
            self._intake.read()
        self._intake.feed()
        self._observe_load(now, idle)
        if self._is_over():
            self._end_with(None)

    def _observe_load(self, now: float, idle: Idle) -> None:
        last = self._load
        if last is None or last.in_flight != self._in_flight or last.idle != idle:
            self._load = Load(now, self._in_flight, idle)
            self._parts.observe(self._load)

    def _start_requests(self, now: float) -> Idle:
        """Start what may start now; returns why no more does."""
        if self._is_reading:
            self._intake.read()
            self._is_reading = not self._intake.is_dry
            return "starved"
        while self._in_flight < self._limits.concurrency and not self._stopping:
            if self._is_full():
                return "backpressure"
            if self._has_enough():
                return "starved"
            turn = self._parts.frontier.next(now)
            if isinstance(turn, Ticket):
                self._start(turn, now)
            elif isinstance(turn, Disallowed):
                self._give_up(turn.ticket, turn.why, attempts=0)
            else:
                self._intake.read()
                self._wake_at(turn.until, now)
                if turn.held and not self._parts.ledger.is_busy:
                    return "politeness"
                break
        return "backpressure" if self._is_draining() else "starved"

    def _is_full(self) -> bool:
        """Whether the stages behind hold all that they may."""
        parse = self._parts.parse
        held = parse.waiting_bytes + self._parts.output.waiting_bytes
        coming = (self._in_flight + 1) * self._mean_bytes
        return parse.waiting >= 2 * parse.width or held + coming > self._limits.memory

    def _is_draining(self) -> bool:
        """Whether all that is left to do is behind the fetching."""
        parts = self._parts
        dry = self._intake.is_dry and parts.frontier.pending == len(self._parsing)
        return dry and parts.parse.waiting + parts.output.waiting_bytes > 0

    def _has_enough(self) -> bool:
        wanted = self._limits.max_pages
        return wanted is not None and self._done + self._in_flight + len(self._parsing) >= wanted

    def _is_over(self) -> bool:
        if self._in_flight or self._parsing:
            return False
        if self._stopping or self._has_enough():
            return True
        return self._intake.is_dry and not self._parts.frontier.pending

    def _wake_at(self, until: float | None, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if until is not None:
            self._timer = self._loop.call_later(max(0.0, until - now), self._refill)

    def _start(self, ticket: Ticket, now: float) -> None:
        self._in_flight += 1
        task = self._loop.create_task(self._request(ticket, now))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._end_with(error)

    # Requests

    async def _request(self, ticket: Ticket, started: float) -> None:
        answer = await self._ask(ticket)
        now = time.monotonic()
        self._in_flight -= 1
        if answer is None:
            self._parts.frontier.put_back(ticket, now)
        else:
            self._release(ticket, started, now, answer)
        if isinstance(answer, Response):
            self._answered(ticket, answer, now)
        elif answer is not None:
            self._failed(ticket, answer, now)
        self._refill()

    async def _ask(self, ticket: Ticket) -> FetchResult | None:
        """How the request ended; None where there was no place for it at its address."""
        fetcher = self._parts.fetcher
        try:
            endpoint = await fetcher.locate(ticket.url)
            if not self._parts.frontier.is_at(ticket, endpoint.address):
                return None
            return await fetcher.fetch_at(ticket.url, endpoint)
        except (FetchError, SkipError) as error:
            return error

    def _release(self, ticket: Ticket, started: float, now: float, answer: FetchResult) -> None:
        if isinstance(answer, Response):
            self._mean_bytes += (len(answer.body) - self._mean_bytes) / 16
        if not isinstance(answer, SkipError):
            self._parts.observe(fetched(ticket, started, now, answer))
        for notice in self._parts.frontier.release(ticket, now, end_of(answer, started)):
            self._parts.observe(notice)

    def _answered(self, ticket: Ticket, response: Response, now: float) -> None:
        if response.status in redirect.STATUSES:
            self._redirected(ticket, response, now)
        elif response.status >= 500 or (response.status >= 400 and ticket.robots_of is None):
            error = FetchError(FailureKind.STATUS, f"the server answered {response.status}")
            self._failed(ticket, error, now, response.status)
        elif ticket.robots_of is not None:
            self._parts.frontier.set_rules(ticket.robots_of, self._rules(response), now)
        elif ticket.tell is not None:
            ticket.tell(response)
        else:
            self._parse(ticket, response)

    def _redirected(self, ticket: Ticket, response: Response, now: float) -> None:
        try:
            url = redirect.target(ticket, redirect.location(response), self._parts.scope)
        except (FetchError, SkipError) as error:
            self._failed(ticket, error, now, response.status)
        else:
            self._parts.frontier.redirect(ticket, url, now, pause_of(response))

    def _rules(self, response: Response) -> Rules:
        coding = response.header_list("content-encoding")
        try:
            body = decode_body(response.body, coding, self._parts.fetcher.max_bytes)
        except FetchError as error:
            return unreachable(error)
        return from_answer(response.status, body, self._parts.agent)

    def _no_rules(self, error: FetchError | SkipError, status: int | None) -> Rules:
        """Of a robots.txt that cannot be had; a status of 500 or more is an answer, and says no."""
        if status is not None and status >= 500:
            return from_answer(status, b"", self._parts.agent)
        return unreachable(error)

    def _failed(
        self, ticket: Ticket, error: FetchError | SkipError, now: float, status: int | None = None
    ) -> None:
        """Try again, or let it be."""
        if isinstance(error, FetchError):
            if error.reused and ticket.resets < MOST_RESETS:
                self._parts.frontier.repeat(ticket, now)
                return
            wait = self._parts.retry.wait(error.kind, status, ticket.attempt)
            if wait is not None:
                self._parts.frontier.retry(ticket, now + wait)
                self._parts.observe(
                    Retried(ticket.url, error.kind, error.message, ticket.attempt, wait, status)
                )
                return
        if ticket.robots_of is not None:
            self._parts.observe(RobotsFailed(ticket.robots_of, error.message))
            self._parts.frontier.set_rules(ticket.robots_of, self._no_rules(error, status), now)
        else:
            self._give_up(ticket, error, ticket.attempt, status)

    def _give_up(
        self,
        ticket: Ticket,
        error: FetchError | SkipError,
        attempts: int,
        status: int | None = None,
    ) -> None:
        if ticket.entry is not None:
            self._close(ticket.entry, error, attempts, status)
        elif ticket.tell is not None:
            ticket.tell(error)

    # Pages

    def _parse(self, ticket: Ticket, response: Response) -> None:
        assert ticket.entry is not None
        self._parsing[ticket.entry.id] = ticket
        self._parts.parse.submit(Task(job_for(ticket.entry, ticket.url, response), response.body))

    def _deliver(self, results: Results) -> None:
        """A batch comes back from the parse stage; after the end it is too late."""
        if self._end.done():
            return
        for index, chunk in enumerate(results.chunks):
            if chunk:
                self._parts.output.put(index, chunk)
        done = size = 0
        for outcome in results.outcomes:
            ticket = self._parsing.pop(outcome.id)
            assert ticket.entry is not None
            if outcome.error is not None:
                self._failed(ticket, FetchError(outcome.error, outcome.message), time.monotonic())
                continue
            done += 1
            size += outcome.bytes
            self._follow(outcome, ticket)
            self._finish(ticket.entry, State.DONE, digest=outcome.digest)
        self._done += done
        self._parts.ledger.count(bytes=size)
        self._parts.observe(Finished(done, body_bytes=size, parse_cpu=results.cpu))
        self._refill()

    def _follow(self, outcome: Outcome, ticket: Ticket) -> None:
        entry = ticket.entry
        assert entry is not None
        if outcome.links or outcome.trapped:
            seed = entry.seed if entry.depth else ticket.url
            self._intake.follow(outcome.links, entry.depth + 1, seed, outcome.trapped)
        if outcome.filtered:
            self._parts.ledger.count(filtered=outcome.filtered)
            self._parts.observe(Counted(filtered=outcome.filtered))

    # Final states

    def _close(
        self,
        entry: Entry,
        error: FetchError | SkipError,
        attempts: int,
        status: int | None = None,
    ) -> None:
        """The entry ends without a page."""
        if isinstance(error, FetchError):
            failure = Failure(
                entry.url, error.kind, error.message, attempts, status, row_of(entry.row)
            )
            self._parts.output.put(self._parts.failures, self._encode(failure))
            self._finish(entry, State.FAILED, error.kind)
            self._parts.observe(Finished(failed=(failure,)))
        else:
            skipped = Skipped(entry.url, error.reason, error.message, row_of(entry.row))
            self._parts.output.put(self._parts.skips, self._encode(skipped))
            self._finish(entry, State.SKIPPED, error.reason)
            self._parts.observe(Finished(skipped=(skipped,)))

    def _reject(self, entry: Entry, why: FetchError | SkipError) -> None:
        self._close(entry, why, attempts=0)

    def _finish(
        self, entry: Entry, state: State, why: str | None = None, digest: int | None = None
    ) -> None:
        self._parts.frontier.finish(entry, time.monotonic())
        self._parts.ledger.finish(Final(entry.id, state, why, digest))
