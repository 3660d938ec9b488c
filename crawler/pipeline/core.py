"""The one pipeline: frontier → engine → parse executor → outputs, and back to the frontier.

It starts the parts, carries out the decisions of ``decide`` and ``slots``, and ends the parts. It
runs on one event loop and never parses a page itself. A request takes a fetch slot before its task
is created, and no request starts while the later stages are full.
"""

import asyncio
import time
from contextlib import suppress
from functools import partial

from crawler.fetch.fetcher import Fetcher
from crawler.frontier.frontier import Frontier
from crawler.frontier.held_up import FirstByteWait
from crawler.frontier.state.store_thread import StoreThread
from crawler.frontier.ticket import Disallowed, EntryTicket, RequestEnd, Ticket
from crawler.model.body_budget import BodyBudget
from crawler.model.errors import FailureKind, FetchError, SkipError, StateError
from crawler.model.events import Fetched, Idle, Load, NetworkAway, Retried, RobotsFailed
from crawler.model.exchange import FetchResult, Response
from crawler.parsing.executors.base import ParseExecutor
from crawler.pipeline import decide, slots
from crawler.pipeline.checkpoint import Checkpoint
from crawler.pipeline.decoding import decoded
from crawler.pipeline.final_states import FinalStates
from crawler.pipeline.intake import EntryRules, Intake
from crawler.pipeline.lifetime import Lifetime
from crawler.pipeline.observer import Observer
from crawler.pipeline.outbox import Outbox
from crawler.pipeline.parse_stage import ParseStage
from crawler.pipeline.slot_watch import SlotWatch
from crawler.pipeline.slots import Limits, Stages
from crawler.pipeline.source import Source
from crawler.pipeline.source_fetch import SourceFetch
from crawler.sinks.base import UnreadError
from crawler.sinks.outputs import Outputs


class Pipeline:
    """One crawl. Call ``run`` once; ``stop`` and ``abort`` end it early."""

    def __init__(
        self,
        *,
        source: Source,
        source_fetch: SourceFetch,
        frontier: Frontier,
        store: StoreThread,
        fetcher: Fetcher,
        executor: ParseExecutor,
        outputs: Outputs,
        final_states: FinalStates,
        checkpoint: Checkpoint,
        entry_rules: EntryRules,
        decider: decide.Decider,
        bodies: BodyBudget,
        limits: Limits,
        observer: Observer,
        outbox: Outbox | None = None,
    ) -> None:
        """``outbox`` is that of a shard."""
        self._source = source
        self._source_fetch = source_fetch
        self._frontier = frontier
        self._store = store
        self._fetcher = fetcher
        self._executor = executor
        self._outputs = outputs
        self._decider = decider
        self._bodies = bodies
        self._limits = limits
        self._observer = observer
        self._observe = observer.event
        self._intake = Intake(
            source,
            store,
            frontier,
            entry_rules,
            observer.event,
            final_states.reject,
            self._wake,
            fetcher.prepare,
            outbox,
        )
        self._parse_stage = ParseStage(executor, store, self._intake, final_states, observer.event)
        self._final_states = final_states
        self._checkpoint = checkpoint
        self._slot_watch = SlotWatch(
            frontier, lambda: slots.allowed_held_up(self._stages(), limits), self._wake
        )
        self._is_shard = outbox is not None
        self._in_flight = 0
        self._mean_body = 0.0
        self._load: Load | None = None
        self._only_silent = False
        self._is_stopping = False
        self._is_reading_first = limits.read_first
        self._is_fill_due = False
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"Pipeline({self._in_flight} in flight, {self._parse_stage.parsing} parsing)"

    async def run(self) -> None:
        """Return when every entry has a final state, or after ``stop`` or ``abort``.

        Raises StateError and UsageError.
        """
        self._loop = asyncio.get_running_loop()
        self._lifetime = Lifetime()
        try:
            async with self._fetcher.engine, self._executor:
                self._start()
                try:
                    await self._lifetime.wait()
                finally:
                    self._parse_stage.stop()
                    self._wake_at(None, 0.0)
                    self._slot_watch.stop()
                    await self._lifetime.cancel()
                    self._observe_load(time.monotonic(), "backpressure")
                    await self._checkpoint.stop()
                with suppress(UnreadError):
                    await self._checkpoint.finish()
                # It takes a while to count them: not at the end of each slice of a shard.
                duplicates = 0 if self._is_shard else await self._store.duplicate_pages()
                self._observer.ended(duplicates)
        finally:
            self._source.stop()
            self._source_fetch.close()
            await self._fetcher.resolver.close()

    def _start(self) -> None:
        lifetime = self._lifetime
        self._outputs.start(self._wake, lifetime.fail)
        self._parse_stage.start(self._parse_failed, self._wake, lifetime.fail)
        self._store.start(self._intake.entered, self._intake.loaded, lifetime.fail)
        self._source_fetch.start(lifetime.call_soon, self._wake)
        self._bodies.start(partial(lifetime.call_soon, self._wake))
        self._observer.started()
        self._source.start(lambda: lifetime.call_soon(self._wake), lifetime.fail_soon)
        self._checkpoint.start(lifetime.fail)
        self._slot_watch.start()
        self._wake()

    def stop(self) -> None:
        """Start no more requests; finish those in flight."""
        self._is_stopping = True
        self._wake()

    def abort(self) -> None:
        """End now. Drop the requests in flight, and write the finished entries.

        Those of which nothing could be written, as a reader stands still, are pending again.
        """
        self._outputs.hurry()
        self._lifetime.finish()

    # Slots

    def _wake(self) -> None:
        """Fill the slots in the next iteration of the loop, once for all calls until then."""
        if not self._is_fill_due:
            self._is_fill_due = True
            self._loop.call_soon(self._fill)

    def _fill(self) -> None:
        self._is_fill_due = False
        if self._lifetime.is_over:
            return
        now = time.monotonic()
        self._parse_stage.proceed()
        self._bodies.update(self._executor.waiting_bytes + self._outputs.waiting_bytes)
        idle = self._start_requests(now)
        if self._frontier.lacks_requests:
            self._intake.read()
        self._intake.feed()
        self._observe_load(now, idle)
        only_probes = self._in_flight <= self._frontier.probing
        if only_probes and slots.is_over(self._stages(), self._limits):
            self._lifetime.finish()

    def _observe_load(self, now: float, idle: Idle) -> None:
        last, held = self._load, self._bodies.held
        # A body that is held back does not wait for its server.
        used, idle = self._in_flight - held, "backpressure" if held else idle
        silent = idle == "politeness" and self._only_silent
        if last is None or last.in_flight != used or last.idle != idle or last.silent != silent:
            memory_full = parse_full = False
            if idle == "backpressure":
                stages = self._stages()
                memory_full = slots.is_memory_full(stages, self._bodies.arriving)
                parse_full = not memory_full and slots.is_parse_full(stages)
            self._load = Load(now, used, idle, parse_full, memory_full, silent)
            self._observe(self._load)

    def _stages(self) -> Stages:
        executor, stage = self._executor, self._parse_stage
        return Stages(
            in_flight=self._in_flight,
            probing=self._frontier.probing,
            parsing=stage.parsing,
            done=stage.done,
            pending=self._frontier.due,
            parse_waiting=executor.waiting,
            parse_width=executor.width,
            body_bytes=executor.waiting_bytes,
            output_bytes=self._outputs.waiting_bytes,
            mean_body=self._mean_body,
            mean_links=stage.mean_links,
            is_holding=stage.is_holding,
            held=self._bodies.held,
            is_dry=self._intake.is_dry,
            is_stopping=self._is_stopping,
        )

    def _start_requests(self, now: float) -> Idle:
        """Start the requests that may start now; return why no further one may."""
        if self._is_reading_first:
            self._intake.read()
            self._is_reading_first = not self._intake.is_dry
            return "starved"
        stages = self._stages()
        while (reason := slots.reason_to_wait(stages, self._limits)) is None:
            turn = self._frontier.next(now)
            if isinstance(turn, Ticket):
                stages.in_flight = self._in_flight = self._in_flight + 1
                wait = self._frontier.started(turn, now)
                self._slot_watch.add(wait, self._lifetime.spawn(self._request(turn, wait)))
            elif isinstance(turn, Disallowed):
                refusal = self._decider.refuse(turn.ticket, turn.why, turn.status)
                self._carry_out(refusal, now)
                stages = self._stages()
            else:
                self._intake.read()
                self._wake_at(turn.until, now)
                self._only_silent = turn.silent
                is_held = turn.held and not self._store.is_busy
                return "politeness" if is_held else slots.reason_for_none(self._stages())
        return reason

    def _wake_at(self, until: float | None, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if until is not None:
            self._timer = self._loop.call_later(max(0.0, until - now), self._wake)

    # Requests

    async def _request(self, ticket: Ticket, wait: FirstByteWait) -> None:
        """Send the request of ``ticket``, and carry out the decision about its result."""
        started = wait.started
        result: FetchResult | None = None
        try:
            endpoint = await self._fetcher.locate(ticket.url)
            if self._frontier.is_at(ticket, endpoint.address):
                result = await self._fetcher.fetch_at(
                    ticket.url,
                    endpoint,
                    wait.begin,
                    fresh=ticket.resets > 0,
                    enough=ticket.enough,
                    may_dial=partial(self._frontier.is_at, ticket),
                )
        except FetchError as error:
            result = error
            error.answered = error.answered or wait.has_begun
        except SkipError as error:
            result = error
        except asyncio.CancelledError:
            if not wait.is_interrupted:
                raise
        now, unix_time = time.monotonic(), time.time()
        self._in_flight -= 1
        self._slot_watch.remove(wait)
        self._frontier.ended(wait, result, now)
        self._wake()
        if result is None:  # its address is over the limit, or its slot is needed
            late = RequestEnd(started, FailureKind.TIMEOUT if wait.is_interrupted else None)
            for notice in self._frontier.put_back(ticket, now, late):
                self._observe(notice)
        else:
            decision = self._ended(ticket, result, started, now, unix_time)
            if ticket.is_probe and not isinstance(decision, decide.SendAgain):
                self._probed(ticket, now)

    def _ended(
        self, ticket: Ticket, result: FetchResult, started: float, now: float, unix_time: float
    ) -> decide.Decision:
        if isinstance(result, Response):
            self._mean_body += (len(result.body) - self._mean_body) / 16
        if not isinstance(result, SkipError):
            self._observe(Fetched.of(ticket.url, ticket.since, started, now, result))
        end = RequestEnd.of(result, started, unix_time)
        for notice in self._frontier.release(ticket, now, end):
            self._observe(notice)
        decision = self._decider.decide(ticket, result, unix_time)
        if isinstance(decision, decide.Unanswered) and self._frontier.answered_since(
            ticket, started
        ):
            decision = self._decider.count(ticket, decision.error)
        self._carry_out(decision, now)
        for each, error in self._frontier.judged():
            self._carry_out(self._decider.count(each, error), now)
        return decision

    def _probed(self, ticket: Ticket, now: float) -> None:
        """Report what the end of a probe means. If no host answers, the crawl may end here."""
        notice = self._frontier.probed(ticket, now)
        if notice is not None:
            self._observe(notice)
        if isinstance(notice, NetworkAway):
            self._lifetime.fail(StateError(notice.says))

    def _carry_out(self, decision: decide.Decision, now: float) -> None:
        match decision:
            case decide.Parse(ticket, task):
                self._parse_stage.submit(ticket, task)
            case decide.Hop(ticket, url, pause):
                self._hop(ticket, url, now, pause)
            case decide.SendAgain(ticket):
                self._frontier.repeat(ticket, now)
            case decide.RetryIn(ticket, wait, error, status):
                self._frontier.retry(ticket, now + wait)
                self._observe(
                    Retried(ticket.url, error.kind, error.message, ticket.attempt, wait, status)
                )
            case decide.Unanswered(ticket, error):
                self._frontier.unanswered(ticket, error, now)
            case decide.Decode():
                self._lifetime.spawn(self._decode(decision))
            case decide.SetRules(site, rules, failure):
                if failure is not None:
                    self._observe(RobotsFailed(site, failure))
                self._frontier.set_rules(site, rules, now)
            case decide.DeliverDocument(deliver, result):
                deliver(result)
            case decide.Close(ticket, error, attempts, status):
                self._final_states.close(ticket.entry, error, attempts, status)

    def _hop(self, ticket: Ticket, url: str, now: float, pause: float | None) -> None:
        if isinstance(ticket, EntryTicket):
            found_by = self._intake.hand_over(ticket, url, time.time() + pause if pause else 0.0)
            if found_by is not None:
                self._final_states.move(ticket.entry, found_by)
                return
        self._frontier.redirect(ticket, url, now, pause)

    async def _decode(self, decode: decide.Decode) -> None:
        body = await decoded(decode.decoding)
        rules = self._decider.rules(decode.ticket, decode.status, body)
        self._carry_out(rules, time.monotonic())
        self._wake()

    def _parse_failed(self, ticket: EntryTicket, error: FetchError) -> None:
        self._carry_out(self._decider.decide(ticket, error, time.time()), time.monotonic())
