"""Settings → objects. The only file that knows every implementation."""

import random
from collections.abc import Callable, Iterable, Sequence

import msgspec

from crawler.app.fetching import check_replayed, engine_options, fetch_slots, fetcher, host_policy
from crawler.app.inputs import OpenInput
from crawler.app.outputs import Sink, archive_writer, recorder
from crawler.app.parsing import parse_options, parse_stage
from crawler.app.resume import cut, quota, remembered, restore, restore_cookies
from crawler.app.run_dir import Run
from crawler.engines.auto import AutoEngine
from crawler.engines.registry import make_engine
from crawler.fetch.addresses import AddressRules
from crawler.fetch.fetcher import Fetcher
from crawler.fetch.network import Network
from crawler.frontier.depth_order import DepthOrder
from crawler.frontier.frontier import Frontier
from crawler.frontier.memory_window import MemoryWindow
from crawler.frontier.retry import Retry
from crawler.frontier.state.store_thread import StoreThread
from crawler.metrics.budget import ThreadClocks
from crawler.metrics.meter import Meter
from crawler.metrics.sampling import Sample
from crawler.metrics.timeline import Timeline
from crawler.model.events import Event, Fetched
from crawler.model.urls import host_port, origin
from crawler.parsing.executors.base import ParseExecutor
from crawler.parsing.executors.spawn import Spawned
from crawler.pipeline.core import Pipeline
from crawler.pipeline.intake import EntryRules
from crawler.pipeline.parts import Limits, Parts
from crawler.pipeline.source_fetch import SourceFetch
from crawler.reporting.live import journal
from crawler.sinks.file import FileWriter
from crawler.sinks.output import Output
from crawler.sources import InputLine, SourceReader


class Crawl(msgspec.Struct, frozen=True):
    """A crawl put together, to be run on one thread: the core, and who watches it."""

    core: Pipeline
    frontier: Frontier
    fetcher: Fetcher
    source: SourceReader
    parse: ParseExecutor
    output: Output
    ledger: StoreThread
    meter: Meter
    sample: Sample | None
    rng: random.Random
    auto: AutoEngine | None = None

    def close(self) -> None:
        self.output.close()
        self.ledger.close()


def assemble(
    run: Run,
    network: Network,
    lines: OpenInput,
    sinks: Sequence[Sink],
    closing: Callable[[int], None],
    spawned: Iterable[Spawned],
) -> Crawl:
    """Call it on the thread that will run it. ``closing`` is called after the last commit.

    Raises UsageError and StateError.
    """
    settings, store = run.settings, run.store
    rng = random.Random(settings.seed)
    rules = AddressRules(settings.allow_private)
    options = parse_options(settings)
    check_replayed(settings, network)
    engine = make_engine(settings.engine, engine_options(settings, network), ThreadClocks)
    asking = fetcher(settings, network, rules, engine)
    for site in store.named():
        rules.name(*host_port(f"{site}/"))
        asking.headers.name(f"{site}/")
    meter = Meter(fetch_slots(settings), ThreadClocks(own_threads=engine.capabilities.own_threads))
    restore(meter, store.counts)
    timeline = Timeline(run.directory / "timeline.jsonl")
    sample = Sample(settings.baseline, rng) if settings.baseline else None
    stage = parse_stage(settings, options, [encoder for encoder, _ in sinks], spawned)
    writers = [writer for _, writer in sinks]
    writers += [
        FileWriter(run.directory / name, resumed=run.resumed)
        for name in ("failures.jsonl", "skipped.jsonl")
    ]
    if settings.record:
        writers.append(archive_writer(settings.record, resumed=run.resumed))
    if run.resumed:
        cut(writers, store.offsets)
    output = Output(writers, timeline.flush)
    if settings.record:
        asking.record = recorder(output, len(writers) - 1)
    ledger = StoreThread(store)
    frontier = Frontier(
        host_policy(settings, rules, network),
        robots=settings.robots,
        rate=settings.rate,
        heads=MemoryWindow(store.tails()),
        levels=DepthOrder(store.depths()) if settings.in_levels else None,
        pending=store.counts.pending,
    )
    accept = _acceptor(rules, asking, ledger)
    documents = SourceFetch(frontier, accept)
    source = SourceReader(lines(documents.fetch), store.counts.taken)
    if asking.cookies is not None:
        restore_cookies(asking.cookies, store)
    ledger.remember = lambda: remembered(source, asking.cookies)
    parts = Parts(
        source=source,
        documents=documents,
        frontier=frontier,
        ledger=ledger,
        retry=Retry(settings.retries, rng, settings.retry),
        fetcher=asking,
        parse=stage,
        output=output,
        scope=options.scope,
        agent=settings.user_agent,
        gate=EntryRules(accept, options.strip, quota(settings, store)),
        observe=_observer(meter, timeline, sample),
        opening=lambda: timeline.start(meter.start()),
        closing=closing,
        failures=len(sinks),
        skips=len(sinks) + 1,
    )
    limits = Limits(fetch_slots(settings), settings.memory, settings.max_pages, settings.in_levels)
    core = Pipeline(parts, limits)
    auto = engine if isinstance(engine, AutoEngine) else None
    return Crawl(core, frontier, asking, source, stage, output, ledger, meter, sample, rng, auto)


def _acceptor(
    rules: AddressRules, asking: Fetcher, ledger: StoreThread
) -> Callable[[InputLine], None]:
    def accept(line: InputLine) -> None:
        """What the input names has rights that a link has not; they hold after a resume too."""
        if not line.own:
            return
        named = rules.name(*host_port(line.url))
        if asking.headers.name(line.url) or named:
            ledger.remember_origin(origin(line.url))
        if line.userinfo is not None:
            asking.log_in(line.url, line.userinfo)

    return accept


def _observer(meter: Meter, timeline: Timeline, sample: Sample | None) -> Callable[[Event], None]:
    def observe(event: Event) -> None:
        meter.fold(event)
        if isinstance(event, Fetched):
            timeline.add(event)
            if sample is not None:
                sample.add(event)

    if not journal.is_read():
        return observe

    def observe_and_note(event: Event) -> None:
        observe(event)
        journal.note(event)

    return observe_and_note
