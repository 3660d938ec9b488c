"""Settings → objects. The only file that knows every implementation."""

import random
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from crawler.core import Core
from crawler.engines.auto import AutoEngine
from crawler.engines.base import Capabilities, Engine, EngineOptions
from crawler.errors import FetchError, UsageError
from crawler.fetcher import Fetcher
from crawler.frontier.frontier import Frontier
from crawler.frontier.retry import Retry
from crawler.frontier.schedule import HostPolicy
from crawler.metrics.baseline import Sample
from crawler.metrics.budget import ThreadClocks
from crawler.metrics.meter import Meter
from crawler.metrics.timeline import Timeline
from crawler.model import Event, Fetched, Headers, Request, Response
from crawler.network import AddressRules, Network
from crawler.options import entry_point
from crawler.parsing.custom import check_parser
from crawler.parsing.fields import load_rules
from crawler.parsing.job import ParseOptions
from crawler.parsing.pool import ProcessStage
from crawler.parsing.spawn import Spawned
from crawler.parsing.stage import InlineStage, ParseStage, ThreadStage
from crawler.parts import Limits, Parts
from crawler.settings import AUTO, ENGINES, PLUGINS, Settings
from crawler.sinks import warc
from crawler.sinks.base import Encoder, Writer
from crawler.sinks.file import FileWriter
from crawler.sinks.jsonl import JsonlEncoder
from crawler.sinks.output import Output
from crawler.sinks.stdout import StdoutWriter
from crawler.sinks.warc import WarcWriter
from crawler.sources import SourceReader
from crawler.urls import host_port, make_scope

ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ENCODINGS = "gzip, deflate, br, zstd"
CANDIDATES = ("curl", "aiohttp", "tornado")
"""What ``auto`` chooses from, the first being what it begins with."""

Sink = tuple[Encoder, Writer]


def make_engine(name: str, options: EngineOptions) -> Engine:
    """Import the engine's library, and no other's. Raises UsageError."""
    if name == AUTO:
        make_each = {each: partial(make_engine, each, options) for each in CANDIDATES}
        return AutoEngine(make_each, ThreadClocks())
    if name == "curl":
        from crawler.engines.curl import CurlEngine

        return CurlEngine(options)
    if name == "aiohttp":
        from crawler.engines.aiohttp import AiohttpEngine

        return AiohttpEngine(options)
    if name == "tornado":
        from crawler.engines.tornado import TornadoEngine

        return TornadoEngine(options)
    if name == "threads":
        from crawler.engines.threads import ThreadsEngine

        return ThreadsEngine(options)
    if name == "sequential":
        from crawler.engines.sequential import SequentialEngine

        return SequentialEngine(options)
    brought = entry_point(PLUGINS, name)
    if brought is None:
        raise UsageError(f"no engine is called {name!r}; there are {', '.join(engine_names())}")
    try:
        make: Callable[[EngineOptions], Engine] = brought.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"the engine {name!r} ({brought.value}) cannot be had: {error}") from None
    return make(options)


def engine_names() -> tuple[str, ...]:
    """Our own engines, the default first, and those that installed packages bring."""
    from importlib.metadata import entry_points

    return (*ENGINES, *sorted(entry_points(group=PLUGINS).names.difference(ENGINES)))


def engine_capabilities() -> list[Capabilities]:
    """What each engine can do, the default first."""
    alone = EngineOptions(concurrency=1)
    return [make_engine(name, alone).capabilities for name in (*engine_names(), AUTO)]


def parse_options(settings: Settings) -> ParseOptions:
    """Raises UsageError where the parser, a rule or a pattern cannot be used."""
    if settings.parser:
        check_parser(settings.parser)
    return ParseOptions(
        max_bytes=settings.max_bytes,
        follow=settings.follow,
        max_depth=settings.depth,
        scope=make_scope(settings.scope, settings.include, settings.exclude),
        html=settings.html,
        parser=settings.parser,
        extract=load_rules(settings.extract) if settings.extract else (),
        robots=settings.robots,
        read=settings.parse != "none",
    )


def parse_stage(
    settings: Settings,
    options: ParseOptions,
    encoders: list[Encoder],
    spawned: Iterable[Spawned],
) -> ParseStage:
    if settings.parse == "process":
        count, timeout = settings.parse_workers, settings.parse_timeout
        first = settings.first_workers
        return ProcessStage(options, encoders, count, timeout, spawned, first)
    if settings.parse == "thread":
        return ThreadStage(options, encoders, settings.parse_workers)
    return InlineStage(options, encoders)


def engine_options(settings: Settings, network: Network) -> EngineOptions:
    return EngineOptions(settings.slots, settings.http2, network.ca_file)


def host_policy(
    settings: Settings, rules: AddressRules, network: Network
) -> Callable[[str], HostPolicy]:
    """Politeness by authority (``host[:port]``)."""

    def policy(authority: str) -> HostPolicy:
        # Which of the default ports it is says the URL, and for this it may be either.
        places = {host_port(f"{scheme}://{authority}/") for scheme in ("http", "https")}
        own = network.is_mocked or any(rules.is_named_loopback(*place) for place in places)
        return HostPolicy(settings.host_limit(own=own) or 0, settings.host_delay(own=own))

    return policy


def headers(settings: Settings) -> Headers:
    return (
        ("User-Agent", settings.user_agent),
        ("Accept", ACCEPT),
        ("Accept-Encoding", ENCODINGS),
    )


def page_sinks(settings: Settings, directory: Path) -> list[Sink]:
    """The page files of a run: those of ``--out``, or ``pages.jsonl``. Raises UsageError."""
    return [page_sink(place) for place in settings.out or (str(directory / "pages.jsonl"),)]


def page_sink(place: str) -> Sink:
    if place == "-":
        return JsonlEncoder(), StdoutWriter()
    path = Path(place)
    if path.suffix != ".jsonl":
        raise UsageError(f"--out {place}: the suffix picks the format; known is .jsonl")
    if path.exists():
        raise UsageError(f"--out {place}: exists already, and is not overwritten")
    return JsonlEncoder(), FileWriter(path)


def archive_writer(place: str) -> Writer:
    """Raises UsageError where the archive exists already, StateError where it cannot be written."""
    path = Path(place)
    if path.exists():
        raise UsageError(f"--record {place}: exists already, and is not overwritten")
    return WarcWriter(path)


def recorder(output: Output, number: int) -> Callable[[Request, Response | FetchError], None]:
    """What hands exchanges to writer ``number`` of ``output``."""

    def record(request: Request, answer: Response | FetchError) -> None:
        # A kept connection that had died says nothing of the server, and the request is repeated.
        if not (isinstance(answer, FetchError) and answer.reused):
            output.put(number, warc.encode(request, answer))

    return record


def check_replayed(settings: Settings, network: Network) -> None:
    """Raises UsageError where a replay would reach the real network."""
    if settings.replay and not network.is_mocked:
        raise UsageError(
            "replay: from Python it is a context: with crawler.testing.replay.Replay(FILE): …"
        )


class Crawl(msgspec.Struct, frozen=True):
    """A crawl put together, to be run on one thread: the core, and who watches it."""

    core: Core
    fetcher: Fetcher
    source: SourceReader
    parse: ParseStage
    output: Output
    meter: Meter
    sample: Sample | None
    rng: random.Random
    auto: AutoEngine | None = None

    def close(self) -> None:
        self.output.close()


def assemble(
    settings: Settings,
    network: Network,
    lines: Iterable[str],
    sinks: Sequence[Sink],
    directory: Path,
    closing: Callable[[], None],
    spawned: Iterable[Spawned],
) -> Crawl:
    """Call it on the thread that will run it. ``closing`` is called after the last commit."""
    rng = random.Random(settings.seed)
    rules = AddressRules(settings.allow_private)
    options = parse_options(settings)
    check_replayed(settings, network)
    engine = make_engine(settings.engine, engine_options(settings, network))
    archive = [archive_writer(settings.record)] if settings.record else []
    clocks = ThreadClocks(own_threads=engine.capabilities.own_threads)
    meter = Meter(settings.slots, clocks)
    timeline = Timeline(directory / "timeline.jsonl")
    sample = Sample(settings.baseline, rng) if settings.baseline else None
    stage = parse_stage(settings, options, [encoder for encoder, _ in sinks], spawned)
    writers = [writer for _, writer in sinks]
    writers += [FileWriter(directory / name) for name in ("failures.jsonl", "skipped.jsonl")]
    output = Output([*writers, *archive], timeline.flush)
    fetcher = Fetcher(
        engine,
        network.resolver(rules),
        headers(settings),
        settings.timeout,
        settings.max_bytes,
        record=recorder(output, len(writers)) if archive else None,
    )
    source = SourceReader(lines)
    parts = Parts(
        source=source,
        frontier=Frontier(
            host_policy(settings, rules, network), robots=settings.robots, rate=settings.rate
        ),
        retry=Retry(settings.retries, rng),
        fetcher=fetcher,
        parse=stage,
        output=output,
        scope=options.scope,
        agent=settings.user_agent,
        named=lambda url: rules.name(*host_port(url)),
        observe=_observer(meter, timeline, sample),
        opening=lambda: timeline.start(meter.start()),
        closing=closing,
        failures=len(sinks),
        skips=len(sinks) + 1,
    )
    core = Core(parts, Limits(settings.slots, settings.memory, settings.max_pages))
    auto = engine if isinstance(engine, AutoEngine) else None
    return Crawl(core, fetcher, source, stage, output, meter, sample, rng, auto)


def _observer(meter: Meter, timeline: Timeline, sample: Sample | None) -> Callable[[Event], None]:
    def observe(event: Event) -> None:
        meter.fold(event)
        if isinstance(event, Fetched):
            timeline.add(event)
            if sample is not None:
                sample.add(event)

    return observe
