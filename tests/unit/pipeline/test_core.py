"""The core with everything around it made up: what it starts, carries out, reports and ends."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest

from crawler.frontier.entry import Candidate, Final, State
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.quota import Quota
from crawler.frontier.retry import Retry
from crawler.model.body_budget import BodyBudget
from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason, StateError
from crawler.model.events import Event, Fetched, Finished, Load
from crawler.model.exchange import Endpoint, FetchResult, Response, Timing
from crawler.model.scope import Strip, make_scope
from crawler.parsing.batch import Outcome, Results, Task
from crawler.pipeline.checkpoint import Checkpoint
from crawler.pipeline.core import Pipeline
from crawler.pipeline.decide import Decider
from crawler.pipeline.final_states import Channels, FailureChannel, FinalStates, SkipChannel
from crawler.pipeline.intake import EntryRules
from crawler.pipeline.slots import Limits
from crawler.pipeline.source_fetch import SourceFetch
from crawler.sinks.jsonl import JsonlEncoder
from crawler.sources import InputLine

A, B, C = (f"http://{name}.example/" for name in "abc")
GOOD = Response(200, (), b"page", Timing())


class Context:
    """Stands in for an engine: it is entered and left."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class FakeSource:
    def __init__(self, urls: Sequence[str]) -> None:
        self.lines = [InputLine(url) for url in urls]
        self.is_stopped = False

    @property
    def exhausted(self) -> bool:
        return not self.lines

    def start(self, wake: Callable[[], None], fail: Callable[[Exception], None]) -> None:
        self.fail = fail

    def take(self) -> list[InputLine]:
        taken, self.lines = self.lines[:2], self.lines[2:]
        return taken

    def stop(self) -> None:
        self.is_stopped = True


class FakeStore:
    """Knows every candidate as new, at once; remembers the final states that are committed."""

    done = 0
    is_entering = is_busy = is_loading = False
    has_room = True
    links_sent = 0

    def __init__(self) -> None:
        self.finals: list[Final] = []
        self.committed: list[Final] = []
        self._id = 0

    def start(self, entered: Any, loaded: Any, fail: Any) -> None:
        self._entered = entered

    def new_id(self) -> int:
        self._id += 1
        return self._id

    def enter(self, candidates: Sequence[Candidate], lines: int = 0) -> None:
        self._entered(candidates, [])

    def has_entered(self, links: int) -> bool:
        return True

    def finish(self, final: Final) -> None:
        self.finals.append(final)

    def count(self, **_: int) -> None:
        pass

    def closing(self, *_: object) -> Any:
        finals, self.finals = tuple(self.finals), []
        return SimpleNamespace(finals=finals)

    async def commit(self, closing: Any, offsets: object, facts: object) -> None:
        self.committed += closing.finals

    async def end(self, closing: Any, offsets: object, facts: object, now: float) -> None:
        self.committed += closing.finals

    async def duplicate_pages(self) -> int:
        return 3


class FakeFetcher:
    """Answers each URL with its results in turn; ``held`` URLs wait until they are let go."""

    max_bytes = 1_000

    def __init__(self, results: Mapping[str, Sequence[FetchResult]]) -> None:
        self.engine = Context()
        self.resolver = SimpleNamespace(close=self._close)
        self.requests: list[str] = []
        self.most_at_once = 0
        self._changed = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self._results = {url: list(each) for url, each in results.items()}
        self._now = 0

    async def _close(self) -> None:
        pass

    async def until(self, count: int) -> None:
        """Until so many requests were made."""
        while len(self.requests) < count:
            self._changed.clear()
            await self._changed.wait()

    def prepare(self, url: str) -> None:
        pass

    async def locate(self, url: str) -> Endpoint:
        return Endpoint("192.0.2.1", "192.0.2.1", 80)

    async def fetch_at(
        self,
        url: str,
        endpoint: Endpoint,
        begun: Callable[[], None] | None = None,
        *,
        fresh: bool = False,
        enough: int | None = None,
        may_dial: Callable[[str], bool] | None = None,
    ) -> Response:
        self.requests.append(url)
        self._changed.set()
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
        finally:
            self._now -= 1
        result = self._results.get(url, [GOOD]).pop(0)
        if isinstance(result, Response):
            return result
        raise result


class FakeExecutor(Context):
    """Delivers each page at once; a body ``bad`` cannot be parsed."""

    waiting = waiting_bytes = 0
    width = 1

    def start(self, deliver: Callable[[Results], None], fail: Any) -> None:
        self._deliver = deliver

    def hold(self) -> None: ...

    def release(self) -> None: ...

    def submit(self, task: Task) -> None:
        outcome = Outcome(task.job.id, bytes=len(task.body), digest=1)
        if task.body == b"bad":
            outcome = Outcome(task.job.id, error=FailureKind.PARSE, message="bad page")
        self._deliver(Results((outcome,), (task.body,)))


class FakeOutputs:
    waiting_bytes = 0
    is_hurried = False

    def start(self, wake: Any, fail: Callable[[Exception], None]) -> None:
        self.fail = fail

    async def commit(self) -> Mapping[str, int]:
        return {}

    def hurry(self) -> None:
        self.is_hurried = True


class Records(list[bytes]):
    put = list.append


class Observed:
    """The events of a crawl, and its end."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.was_started = False
        self.duplicate_pages: int | None = None

    def started(self) -> None:
        self.was_started = True

    def event(self, event: Event) -> None:
        self.events.append(event)

    def ended(self, duplicate_pages: int) -> None:
        self.duplicate_pages = duplicate_pages


class Crawl:
    """A pipeline and its made-up parts."""

    def __init__(
        self,
        urls: Sequence[str],
        results: Mapping[str, Sequence[FetchResult]] | None = None,
        limits: Limits = Limits(concurrency=2, memory=1_000),  # noqa: B008 - it is frozen
        retries: int = 0,
    ) -> None:
        self.source, self.store, self.outputs = FakeSource(urls), FakeStore(), FakeOutputs()
        self.fetcher = FakeFetcher(results or {})
        self.observed = Observed()
        self.pages, self.failures, self.skipped = Records(), Records(), Records()
        anything = cast("Any", self)
        store, outputs = cast("Any", self.store), cast("Any", self.outputs)
        frontier = Frontier(lambda _: HostPolicy(0, 0.0), robots=False)
        failures = FailureChannel(anything.failures, JsonlEncoder().encode)
        skips = SkipChannel(anything.skipped, JsonlEncoder().encode)
        channels = Channels((anything.pages,), (failures,), (skips,))
        self.pipeline = Pipeline(
            source=self.source,
            bodies=BodyBudget(1_000_000),
            source_fetch=SourceFetch(frontier, lambda _: None),
            frontier=frontier,
            store=store,
            fetcher=cast("Any", self.fetcher),
            executor=cast("Any", FakeExecutor()),
            outputs=outputs,
            final_states=FinalStates(frontier, store, channels, self.observed.event),
            checkpoint=Checkpoint(store, outputs, dict, self.observed.event),
            entry_rules=EntryRules(lambda _: None, Strip(), Quota(None)),
            decider=Decider(
                Retry(retries, random.Random(1), ["reset=2,0.001"] if retries else ()),
                make_scope("host"),
                "crawler",
            ),
            limits=limits,
            observer=self.observed,
        )

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.observed.events if isinstance(event, kind)]

    def states(self) -> list[State]:
        return [final.state for final in self.store.committed]


async def test_every_entry_gets_a_final_state() -> None:
    crawl = Crawl(
        [A, B, C, f"{C}bad"],
        {
            B: [FetchError(FailureKind.TLS, "expired")],
            C: [SkipError(SkipReason.BLOCKED, "private")],
            f"{C}bad": [Response(200, (), b"bad", Timing())],
        },
    )
    await crawl.pipeline.run()
    assert sorted(crawl.states()) == [State.DONE, State.FAILED, State.FAILED, State.SKIPPED]
    assert (list(crawl.pages), len(crawl.failures), len(crawl.skipped)) == ([b"page", b"bad"], 2, 1)
    assert sum(event.done for event in crawl.of(Finished)) == 1
    assert crawl.observed.was_started
    assert crawl.observed.duplicate_pages == 3
    assert crawl.source.is_stopped


async def test_there_are_never_more_requests_than_slots() -> None:
    crawl = Crawl([f"{A}{number}" for number in range(20)])
    await crawl.pipeline.run()
    assert len(crawl.fetcher.requests) == 20
    assert crawl.fetcher.most_at_once == 2
    assert {event.in_flight for event in crawl.of(Load)} <= {0, 1, 2}


async def test_a_redirect_and_a_retry_are_requests_of_one_entry() -> None:
    moved = Response(302, (("location", B),), b"", Timing())
    crawl = Crawl([A], {A: [moved], B: [FetchError(FailureKind.RESET, "cut"), GOOD]}, retries=2)
    await crawl.pipeline.run()
    assert crawl.fetcher.requests == [A, B, B]
    assert crawl.states() == [State.DONE]
    assert len(crawl.of(Fetched)) == 3


async def test_enough_pages_end_the_crawl() -> None:
    urls = [f"{A}{number}" for number in range(9)]
    crawl = Crawl(urls, limits=Limits(concurrency=2, memory=1_000, max_pages=3))
    await crawl.pipeline.run()
    assert crawl.states() == [State.DONE] * 3


async def test_stop_finishes_what_is_in_flight() -> None:
    crawl = Crawl([f"{A}{number}" for number in range(9)])
    crawl.fetcher.gate.clear()
    running = asyncio.ensure_future(crawl.pipeline.run())
    await crawl.fetcher.until(2)
    crawl.pipeline.stop()
    crawl.fetcher.gate.set()
    await running
    assert crawl.states() == [State.DONE] * 2


async def test_abort_drops_what_is_in_flight() -> None:
    crawl = Crawl([A])
    crawl.fetcher.gate.clear()
    running = asyncio.ensure_future(crawl.pipeline.run())
    await crawl.fetcher.until(1)
    crawl.pipeline.abort()
    await running
    assert crawl.states() == []
    assert crawl.observed.duplicate_pages == 3
    assert crawl.outputs.is_hurried


@pytest.mark.promise("P37")
@pytest.mark.parametrize("part", ["outputs", "source"])
async def test_an_error_of_a_part_ends_the_crawl(part: str) -> None:
    crawl = Crawl([A])
    crawl.fetcher.gate.clear()
    running = asyncio.ensure_future(crawl.pipeline.run())
    await crawl.fetcher.until(1)
    getattr(crawl, part).fail(StateError("the disk is full"))
    with pytest.raises(StateError, match="the disk is full"):
        await running
    assert crawl.observed.duplicate_pages is None
    assert crawl.source.is_stopped


async def test_a_bug_in_a_callback_ends_the_crawl() -> None:
    crawl = Crawl([A])
    crawl.fetcher.gate.clear()
    running = asyncio.ensure_future(crawl.pipeline.run())
    await crawl.fetcher.until(1)
    asyncio.get_running_loop().call_soon(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        await running
