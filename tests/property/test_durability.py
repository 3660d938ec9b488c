"""Killed at any moment and resumed, a crawl loses nothing, repeats nothing, and its accounts hold.

The core is played here by a machine around the real store, thread, heads, intake and frontier. It
takes each step that is otherwise taken by a thread or by the network, in any order, with a clock of
its own. A kill is a copy of the state file as it lies on disk, log and all; the outputs are then
cut to what it says.
"""

import itertools
import random
import shutil
import sqlite3
import tempfile
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.states import assert_counted
from support.stepped import SteppedJobs, drive

from crawler.frontier.depth_order import DepthOrder
from crawler.frontier.entry import Entry, Final, State
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.memory_window import MemoryWindow, WindowSizes
from crawler.frontier.quota import Quota
from crawler.frontier.schedule import Wait
from crawler.frontier.state.store import Store
from crawler.frontier.state.store_thread import Closing, StoreThread
from crawler.frontier.ticket import EntryTicket
from crawler.model.errors import CrawlerError, FetchError
from crawler.model.pages import Link
from crawler.model.scope import Strip
from crawler.model.urls import host_name, key
from crawler.pipeline.intake import EntryRules, Intake
from crawler.sources import InputLine, parse

pytestmark = pytest.mark.promise("P35")

SMALL = WindowSizes(head=4, low=2, part=3, least=2, roomy=4, total=7)
"""MemoryWindow so small that tails come up all the time."""
POLICIES = {
    "a.example": HostPolicy(1, 1.0),
    "b.example": HostPolicy(2, 0.5),
    "c.example": HostPolicy(0, 0.0),
}
PAGES = 24
LINES = [
    *[f"http://{host}/{number}" for number in range(14) for host in POLICIES],
    *[f"http://a.example/{number}" for number in range(7)],
    *["no url", "ftp://a.example/", "http://[::1", "no url"],
]
"""Some stand there twice, and some are no URLs."""
KNOWN = {key(parse(line).url) for line in LINES}
FAILED = 5


def links(url: str) -> list[Link]:
    """What a page has: two links to the next pages of its host, and one to another host."""
    host, _, number = url.removeprefix("http://").partition("/")
    n = int(number)
    others = itertools.cycle(POLICIES)
    other = next(next(others) for each in others if each == host)
    found = [f"http://{host}/{n + 1}", f"http://{host}/{2 * n}", f"http://{other}/{n + 3}"]
    return [Link(each, key(each)) for each in found if int(each.rpartition("/")[2]) < PAGES]


def fails(url: str) -> bool:
    return int(url.rpartition("/")[2]) % FAILED == 1


def whole() -> tuple[dict[str, str], dict[str, int]]:
    """What a crawl that nobody interrupts comes to: the final state of each URL, and its depth."""
    found, depths = {}, {}
    wanted = deque((parse(line), 0) for line in LINES)
    while wanted:
        line, depth = wanted.popleft()
        if line.url in found:
            continue
        depths[line.url] = depth
        found[line.url] = "failed" if line.wrong or fails(line.url) else "done"
        if found[line.url] == "done":
            wanted += [(InputLine(link.url), depth + 1) for link in links(line.url)]
    return found, depths


WHOLE, DEPTHS = whole()


class Lines:
    """The input of a session: what the sessions before took is left out."""

    def __init__(self, taken: int) -> None:
        self._left = LINES[taken:]

    @property
    def exhausted(self) -> bool:
        return not self._left

    def take(self) -> list[InputLine]:
        taken, self._left = self._left[:5], self._left[5:]
        return [parse(line) for line in taken]


class Crawl(RuleBasedStateMachine):
    """One run, over all its sessions. ``output`` is the records, in the order of the file."""

    in_levels = False

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.now = 0.0
        self.session = 0
        self.output: list[tuple[str, str]] = []

    @initialize()
    def begin(self) -> None:
        store = Store.create(self.folder / "state.db")
        store.commit({})
        self._begin(store)

    def _begin(self, store: Store) -> None:
        """As a crawl that begins or goes on is put together."""
        assert_counted(store)
        self.store, self.jobs = store, SteppedJobs()
        self.thread = StoreThread(store, self.jobs)
        self.output = self.output[: store.offsets.get("pages", 0)]
        self.frontier = Frontier(
            POLICIES.__getitem__,
            robots=False,
            window=MemoryWindow(store.pending(), SMALL),
            depth_order=DepthOrder(store.depths()) if self.in_levels else None,
            pending=store.counts.pending,
        )
        source = Lines(store.counts.taken)
        nothing = lambda _: None  # noqa: E731
        gate = EntryRules(nothing, Strip(), Quota(None))
        self.intake = Intake(
            cast("Any", source),
            self.thread,
            self.frontier,
            gate,
            observe=nothing,
            reject=self._reject,
            wake=lambda: None,
            prepare=nothing,
            clock=lambda: self.now,
        )
        self.thread.start(self.intake.entered, self.intake.loaded, nothing)
        self.in_flight: list[EntryTicket] = []
        self.followed: list[tuple[Entry, int]] = []
        self.started: dict[str, list[float]] = {host: [] for host in POLICIES}
        self.ended: dict[str, list[float]] = {host: [] for host in POLICIES}
        self.closing: tuple[Closing, dict[str, int], dict[str, str]] | None = None
        self.is_reading = self.in_levels

    # Many steps at once: by single ones it would seldom come far

    @rule(seed=st.integers(0, 2**32), count=st.integers(1, 80))
    def go(self, seed: int, count: int) -> None:
        rng = random.Random(seed)
        for _ in range(count):
            self._step(rng)

    def _step(self, rng: random.Random) -> None:
        steps: list[Callable[[], None]] = [self.read, self.feed, self.next, self.next]
        steps.append(self.save_outputs if self.closing is None else self.save_state)
        if self.in_flight:
            answer = partial(self.answer, rng.randrange(9), again=rng.random() < 0.1)
            steps += [answer, answer]
        steps += [self.work, self.work] if self.jobs.jobs else []
        steps += [self.hear, self.hear] if self.jobs.answers else [partial(self.wait, 0.5)]
        rng.choice(steps)()

    # The fetch thread

    @rule()
    def read(self) -> None:
        self.intake.read()

    @rule()
    def feed(self) -> None:
        self.intake.feed()

    @rule()
    def next(self) -> None:
        if self.is_reading:
            self.is_reading = not self.intake.is_dry
            return
        turn = self.frontier.next(self.now)
        if isinstance(turn, Wait):
            return
        assert isinstance(turn, EntryTicket)
        self._may_be_asked(turn.host, turn.entry)
        assert turn.entry.url not in dict(self.output)
        self.started[turn.host].append(self.now)
        self.in_flight.append(turn)

    def _may_be_asked(self, host: str, _: Entry) -> None:
        policy = POLICIES[host]
        here = sum(ticket.host == host for ticket in self.in_flight)
        assert not policy.per_host or here < policy.per_host
        before = self.ended[host] if policy.per_host == 1 else self.started[host]
        assert not before or self.now >= before[-1] + policy.delay

    @precondition(lambda self: self.in_flight)
    @rule(which=st.integers(0, 99), again=st.booleans())
    def answer(self, which: int, again: bool) -> None:
        """A request ends: with a page, a failure, or to be made once more."""
        ticket = self.in_flight.pop(which % len(self.in_flight))
        self.frontier.release(ticket, self.now)
        self.ended[ticket.host].append(self.now)
        entry = ticket.entry
        if again and ticket.attempt < 3:
            self.frontier.retry(ticket, self.now + 0.7)
        elif fails(entry.url):
            self._end(entry, State.FAILED, "status")
        else:
            self.intake.follow(links(entry.url), entry.depth + 1, entry.seed)
            self.followed.append((entry, self.thread.links_sent))
            self._finish()

    def _finish(self) -> None:
        """As ``ParseStage`` does: pages are finished after their links were entered."""
        while self.followed and self.thread.has_entered(self.followed[0][1]):
            entry, _ = self.followed.pop(0)
            self.output.append((entry.url, "done"))
            self.frontier.finish(entry, self.now)
            self.thread.finish(Final(entry.id, State.DONE, digest=entry.id))

    def _reject(self, entry: Entry, error: CrawlerError) -> None:
        assert isinstance(error, FetchError)
        self._end(entry, State.FAILED, error.kind)

    def _end(self, entry: Entry, state: State, why: str) -> None:
        self.output.append((entry.url, "failed"))
        self.frontier.finish(entry, self.now)
        self.thread.finish(Final(entry.id, state, why))

    @rule(passed=st.sampled_from([0.1, 0.5, 1.0]))
    def wait(self, passed: float) -> None:
        self.now += passed

    # A commit: the outputs first, then the state

    @precondition(lambda self: self.closing is None)
    @rule()
    def save_outputs(self) -> None:
        self.closing = (self.thread.closing(), {"pages": len(self.output)}, {})

    @precondition(lambda self: self.closing is not None)
    @rule()
    def save_state(self) -> None:
        assert self.closing is not None
        drive(self.thread.commit(*self.closing))
        self.jobs.jobs.append(self._check_commit)
        self.closing = None

    def _check_commit(self) -> None:
        """The accounts balance, and are those of the file and of the outputs up to the offset."""
        counts = self.store.counts
        durable = self.output[: self.store.offsets["pages"]]
        assert counts.done + counts.failed + counts.pending == counts.input + counts.discovered
        assert [state for _, state in durable].count("done") == counts.done
        assert [state for _, state in durable].count("failed") == counts.failed
        with closing(sqlite3.connect(self.store._path)) as file:
            states = dict(file.execute("SELECT state, count(*) FROM entries GROUP BY state"))
        expected = (counts.pending, counts.done, counts.failed)
        assert tuple(states.get(each, 0) for each in (0, 1, 2)) == expected

    # The thread of the state, and what it tells

    @precondition(lambda self: self.jobs.jobs)
    @rule()
    def work(self) -> None:
        self.jobs.jobs.pop(0)()

    @precondition(lambda self: self.jobs.answers)
    @rule()
    def hear(self) -> None:
        self.jobs.answers.pop(0)()
        self._finish()

    # Ends

    @rule()
    def kill(self) -> None:
        self.session += 1
        left = self.folder / f"{self.session}"
        left.mkdir()
        for name in ("state.db", "state.db-wal"):
            path = self.store._path.with_name(name)
            if path.exists():
                shutil.copy(path, left / name)
        self.thread.close()
        self._begin(Store.open(left / "state.db"))

    @precondition(lambda self: self.closing is None)
    @rule()
    def end_in_order(self) -> None:
        drive(self.thread.end(self.thread.closing(), {"pages": len(self.output)}, {}, 1.0))
        while self.jobs.jobs:
            self.jobs.jobs.pop(0)()
        self.thread.close()
        again = Store.open(self.store._path)
        assert again.ended == 1.0
        self._begin(again)

    # What always holds

    @invariant()
    def nothing_is_recorded_twice(self) -> None:
        assert len(dict(self.output)) == len(self.output)
        assert set(self.output) <= set(WHOLE.items())

    def teardown(self) -> None:
        """Left alone, it comes to its end, and to what an uninterrupted crawl comes to."""
        try:
            if hasattr(self, "thread"):
                self._to_the_end()
                assert dict(self.output) == WHOLE
                self.kill()
                self._is_over()
        finally:
            if hasattr(self, "thread"):
                self.thread.close()
            self.stack.close()

    def _to_the_end(self) -> None:
        for _ in range(20 * len(WHOLE)):
            for step in (self.read, self.feed, self.next, self._work_off):
                step()
            while self.in_flight:
                self.answer(0, again=False)
            self.now += 1.0
            if self.intake.is_dry and not self.frontier.pending:
                break
        for _ in range(2):  # what a commit that has begun leaves out comes with the next
            if self.closing is None:
                self.save_outputs()
            self.save_state()
            self._work_off()

    def _work_off(self) -> None:
        while self.jobs.jobs or self.jobs.answers:
            for step in (self.jobs.jobs, self.jobs.answers):
                while step:
                    step.pop(0)()
            self._finish()

    def _is_over(self) -> None:
        """What is resumed after the end has nothing to do, and all its records."""
        counts = self.store.counts
        assert dict(self.output) == WHOLE
        assert (counts.pending, self.store.pending()) == (0, {})
        assert counts.taken == len(LINES) == counts.input + counts.duplicates
        # What a link named before its line was read is a duplicate in the input.
        assert counts.input + counts.discovered == len(WHOLE)
        self.intake.read()
        assert self.intake.is_dry


class CrawlInLevels(Crawl):
    """The same, with all of the input read first, and then level by level."""

    in_levels = True

    def _may_be_asked(self, host: str, entry: Entry) -> None:
        """Only if all that are fewer links away have their final state."""
        super()._may_be_asked(host, entry)
        final = dict(self.output)
        assert all(url in final for url, depth in DEPTHS.items() if depth < entry.depth)
        assert entry.depth == DEPTHS[entry.url]


SLOW = [HealthCheck.too_slow]
FEW = settings(max_examples=60, stateful_step_count=12, deadline=None, suppress_health_check=SLOW)
TestCrawl = Crawl.TestCase
TestCrawl.settings = FEW
TestCrawlInLevels = CrawlInLevels.TestCase
TestCrawlInLevels.settings = FEW


def test_the_test_web_has_every_case() -> None:
    """All states, duplicates in the input, and pages that only a link names."""
    states = list(WHOLE.values())
    assert min(states.count("done"), states.count("failed")) > 10
    assert len(KNOWN) < len(LINES)
    assert any(key(url) not in KNOWN for url in WHOLE)
    assert {host_name(url) for url in WHOLE if url.startswith("http://")} >= set(POLICIES)
