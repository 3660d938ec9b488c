"""Builds a crawl from settings. The only file that knows every part."""

import os
import random
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from crawler.app.descriptors import kept_connections, share
from crawler.app.fetching import (
    check_fetching,
    engine_options,
    host_policy,
    make_fetcher,
    patience_seconds,
)
from crawler.app.input_rights import InputRights
from crawler.app.inputs import OpenInput
from crawler.app.observer import RunObserver
from crawler.app.outputs import channels, open_outputs, recorder
from crawler.app.parsing import executor_options, parse_options, prepare_cache
from crawler.app.report import make_report
from crawler.app.resume import (
    cookie_changes,
    facts,
    host_memory,
    learned,
    patience,
    quota,
    restore_cookies,
    restore_meter,
)
from crawler.app.run_dir import Run
from crawler.app.run_progress import ProgressReader
from crawler.app.shard import Shard
from crawler.engines.base import Engine
from crawler.engines.registry import make_engine
from crawler.fetch.addresses import AddressRules
from crawler.fetch.fetcher import Fetcher
from crawler.fetch.network import Network
from crawler.frontier.depth_order import DepthOrder
from crawler.frontier.entry import Candidate
from crawler.frontier.frontier import Frontier
from crawler.frontier.memory_window import MemoryWindow
from crawler.frontier.retry import Retry
from crawler.frontier.state.store_thread import StoreThread
from crawler.metrics.budget import ThreadClocks
from crawler.metrics.meter import Meter
from crawler.metrics.progress import CrawlSession, Queues
from crawler.metrics.resting import RestingHosts
from crawler.metrics.sampling import Sample
from crawler.metrics.timeline import Timeline
from crawler.model.body_budget import BodyBudget
from crawler.model.secrets import Secrets
from crawler.model.units import utc_now
from crawler.parsing.executors.base import ParseExecutor
from crawler.parsing.executors.names import ON_THREADS
from crawler.parsing.executors.registry import make_executor
from crawler.parsing.job import ParseOptions
from crawler.pipeline.checkpoint import Checkpoint
from crawler.pipeline.core import Pipeline
from crawler.pipeline.decide import Decider
from crawler.pipeline.final_states import FinalStates
from crawler.pipeline.intake import EntryRules
from crawler.pipeline.slots import Limits
from crawler.pipeline.source_fetch import SourceFetch
from crawler.reporting.live.progress_file import ProgressFile
from crawler.runs.layout import LINKS, PROGRESS, RECORD
from crawler.settings import Settings
from crawler.sinks.base import Sink
from crawler.sinks.outputs import Outputs
from crawler.sources import SourceReader

if TYPE_CHECKING:
    from crawler.parsing.executors.forkserver import ForkServer


class Crawl(msgspec.Struct, frozen=True):
    """A crawl that is ready to run on one thread, with the parts that other modules read."""

    pipeline: Pipeline
    frontier: Frontier
    fetcher: Fetcher
    source: SourceReader[Candidate]
    executor: ParseExecutor
    outputs: Outputs
    store: StoreThread
    meter: Meter
    progress: ProgressReader
    observer: RunObserver
    sample: Sample | None
    rng: random.Random
    rights: InputRights

    def close(self) -> None:
        try:
            self.outputs.close()
        finally:
            self.store.close()


class Prepared(msgspec.Struct, frozen=True):
    """The parts of a crawl that can be asked for wrongly."""

    parse: ParseOptions
    engine: Engine
    bodies: BodyBudget


def prepare(settings: Settings, network: Network) -> Prepared:
    """Call it before the first file is opened: an error leaves none. Raises UsageError."""
    parse = parse_options(settings)
    bodies = BodyBudget(settings.memory)
    options = msgspec.structs.replace(engine_options(settings, network), bodies=bodies)
    engine = make_engine(settings.engine, options, ThreadClocks)
    check_fetching(settings, network, engine)
    prepare_cache(parse)
    return Prepared(parse, engine, bodies)


def assemble(
    run: Run,
    network: Network,
    prepared: Prepared,
    open_input: OpenInput,
    sinks: Sequence[Sink],
    waiting_since: float,
    prestarted: "ForkServer | None",
    secrets: Secrets,
    shard: Shard | None = None,
) -> Crawl:
    """Build the crawl of ``run``. Call it on the thread that will run the crawl.

    ``waiting_since`` is the monotonic time at which the user started it, ``prestarted`` is a
    fork server that is already running; ``secrets`` are those of the settings. ``shard`` is what
    makes the run a shard of a crawl. Raises UsageError and StateError.
    """
    settings, rng = run.settings, random.Random(run.settings.seed)
    parse, engine = prepared.parse, prepared.engine
    timeline = Timeline(run.directory / "timeline.jsonl", hide=secrets.hide)
    outbox = None if shard is None else shard.outbox
    outputs = open_outputs(run, sinks, timeline.flush, secrets.hide, has_links=outbox is not None)
    if outbox is not None:
        outbox.start(outputs.open(LINKS))
    store = StoreThread(run.store)
    addresses = AddressRules(settings.allow_private)
    record = recorder(outputs.open(RECORD)) if settings.record else None
    fetcher = make_fetcher(settings, network, addresses, engine, record, secrets.hide)
    if fetcher.cookies is not None:
        restore_cookies(fetcher.cookies, run.store)
    rights = InputRights(addresses, fetcher.headers, store, secrets)
    rights.restore(run.store.named(), run.store.logins())
    if shard is not None:
        rights.restore(shard.origins, shard.logins)
    memory, seconds = host_memory(run.store, settings), patience_seconds(settings, network)
    slots = 1 if shard is None else shard.slots
    depth_order = None
    if settings.in_levels:
        depth_order = DepthOrder(run.store.depths(), None if shard is None else shard.depth)
    frontier = Frontier(
        host_policy(settings, addresses, network, slots),
        robots=settings.robots,
        slots=share(settings).slots,
        connections=kept_connections(settings, engine.capabilities),
        rate=settings.rate and settings.rate / slots,
        window=MemoryWindow(run.store.pending()),
        depth_order=depth_order,
        pending=run.store.counts.pending,
        patience=patience(seconds, memory, run.store),
        memory=memory,
    )
    source_fetch = SourceFetch(frontier, rights.accept, addresses.refusal)
    # The input of a shard begins behind what it has taken.
    taken = run.store.counts.taken if shard is None else 0
    source = SourceReader(open_input(source_fetch.fetch), taken)
    encoders = [sink.encoder for sink in sinks]
    executor = make_executor(
        settings.parse, executor_options(settings, parse, encoders, prestarted)
    )
    meter = _meter(run, engine.capabilities.own_threads)
    sample = Sample(settings.baseline, rng) if settings.baseline else None
    resting = RestingHosts()
    progress = ProgressReader(
        meter,
        CrawlSession(utc_now(), run.resumed, os.getpid(), engine.capabilities.name),
        resting,
        lambda: Queues(executor.waiting, executor.waiting_bytes, outputs.waiting_bytes),
        lambda: source.exhausted and not settings.follow,
    )
    observer = RunObserver(
        meter,
        timeline,
        sample,
        progress,
        ProgressFile(run.directory / PROGRESS, progress.read),
        partial(make_report, settings, meter, engine, executor, resting, waiting_since),
    )
    pipeline = Pipeline(
        source=source,
        source_fetch=source_fetch,
        frontier=frontier,
        store=store,
        fetcher=fetcher,
        executor=executor,
        outputs=outputs,
        final_states=FinalStates(
            frontier, store, channels(outputs, sinks), observer.event, secrets.hide
        ),
        checkpoint=Checkpoint(
            store,
            outputs,
            partial(facts, source, store, settings, outbox, depth_order),
            observer.event,
            cookies=cookie_changes(fetcher.cookies),
            learn=partial(learned, frontier),
        ),
        entry_rules=EntryRules(
            rights.accept, parse.strip, quota(settings, run.store), addresses.refusal
        ),
        decider=Decider(
            Retry(settings.retries, rng, settings.retry),
            parse.scope,
            fetcher.headers.user_agent,
            addresses.refusal,
            is_patient=seconds > 0,
        ),
        bodies=prepared.bodies,
        limits=Limits(
            share(settings).slots, settings.memory, settings.max_pages, settings.in_levels
        ),
        observer=observer,
        outbox=outbox,
    )
    return Crawl(
        pipeline,
        frontier,
        fetcher,
        source,
        executor,
        outputs,
        store,
        meter,
        progress,
        observer,
        sample,
        rng,
        rights,
    )


def _meter(run: Run, own_threads: bool) -> Meter:
    settings, clocks = run.settings, ThreadClocks(own_threads=own_threads)
    twice = own_threads and settings.parse in ON_THREADS
    meter = Meter(share(settings).slots, clocks, includes_parsing=twice)
    restore_meter(meter, run.store.counts)
    return meter
