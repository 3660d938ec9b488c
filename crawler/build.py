"""Settings → objects. The only file that knows every implementation."""

import random
import resource
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from crawler.cookies import Jar
from crawler.core import Core
from crawler.credentials import RequestHeaders, is_insecure, parse_place
from crawler.documents import Documents
from crawler.engines.auto import AutoEngine
from crawler.engines.base import Capabilities, Engine, EngineOptions
from crawler.errors import FetchError, UsageError
from crawler.fetcher import Fetcher
from crawler.frontier.frontier import Frontier
from crawler.frontier.heads import Heads
from crawler.frontier.ledger import Ledger
from crawler.frontier.levels import Levels
from crawler.frontier.retry import Retry
from crawler.frontier.schedule import HostPolicy
from crawler.inputs import Lines
from crawler.intake import Gate
from crawler.metrics import journal
from crawler.metrics.baseline import Sample
from crawler.metrics.budget import ThreadClocks
from crawler.metrics.meter import Meter
from crawler.metrics.timeline import Timeline
from crawler.model import Event, Fetched, Proxy, Request, Response
from crawler.network import AddressRules, Network, Resolver
from crawler.options import entry_point
from crawler.parsing.custom import check_parser
from crawler.parsing.fields import load_rules
from crawler.parsing.job import ParseOptions
from crawler.parsing.pool import ProcessStage
from crawler.parsing.spawn import Spawned
from crawler.parsing.stage import InlineStage, ParseStage, ThreadStage
from crawler.parts import Limits, Parts
from crawler.proxied import ProxyResolver
from crawler.proxy import parse_proxy
from crawler.restored import cut, quota, remembered, restore, restore_cookies
from crawler.rundir import Run
from crawler.settings import AUTO, ENGINES, PLUGINS, Settings
from crawler.sinks import warc
from crawler.sinks.base import Encoder, Writer
from crawler.sinks.file import FileWriter
from crawler.sinks.jsonl import JsonlEncoder
from crawler.sinks.output import Output
from crawler.sinks.stdout import StdoutWriter
from crawler.sinks.warc import WarcWriter
from crawler.sources import SourceReader, Wanted
from crawler.traps import Traps
from crawler.urls import host_port, make_scope, make_strip, origin

ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ENCODINGS = "gzip, deflate, br, zstd"
FILES = 40
"""File descriptors that are needed besides those of requests."""
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
        strip=make_strip(settings.strip_param),
        traps=Traps(settings.max_url_length, settings.max_repeats),
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


def fetch_slots(settings: Settings) -> int:
    """As many as asked for, or fewer where the process may not open so many files.

    A request may take two descriptors: its own, and one that an engine keeps open for the next.
    """
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return settings.slots
    return max(1, min(settings.slots, (most - FILES) // 2))


def engine_options(settings: Settings, network: Network) -> EngineOptions:
    return EngineOptions(fetch_slots(settings), settings.http2, network.ca_file)


def host_policy(
    settings: Settings, rules: AddressRules, network: Network
) -> Callable[[str], HostPolicy]:
    """Politeness by authority (``host[:port]``)."""

    def policy(authority: str) -> HostPolicy:
        # Which of the default ports it is says the URL, and for this it may be either.
        places = {host_port(f"{scheme}://{authority}/") for scheme in ("http", "https")}
        own = network.is_mocked or any(rules.is_named_loopback(*place) for place in places)
        return HostPolicy(
            settings.host_limit(own=own) or 0,
            settings.host_delay(own=own),
            settings.address_limit(own=own) or 0,
        )

    return policy


def request_headers(settings: Settings) -> RequestHeaders:
    usual = (
        ("User-Agent", settings.user_agent),
        ("Accept", ACCEPT),
        ("Accept-Encoding", ENCODINGS),
    )
    return RequestHeaders(usual, settings.header, settings.auth)


def fetcher(settings: Settings, network: Network, rules: AddressRules, engine: Engine) -> Fetcher:
    """Raises UsageError where ``engine``, or the one of the baseline, cannot ask the proxy."""
    insecure = frozenset(map(parse_place, settings.insecure))
    resolver, proxy = network.resolver(rules), None
    if settings.proxy is not None:
        proxy = parse_proxy(settings.proxy)
        check_proxy(proxy, engine.capabilities)
        if settings.baseline is not None:
            check_proxy(proxy, make_engine("sequential", EngineOptions(1)).capabilities)
        if is_insecure(insecure, proxy.host, proxy.port):
            proxy = msgspec.structs.replace(proxy, verify=False)
        resolver = proxy_resolver(proxy, network, rules)
    return Fetcher(
        engine,
        resolver,
        request_headers(settings),
        settings.timeout,
        settings.max_bytes,
        Jar() if settings.cookies else None,
        proxy,
        insecure,
    )


def check_proxy(proxy: Proxy, engine: Capabilities) -> None:
    """Raises UsageError."""
    if proxy.scheme not in engine.proxies:
        able = " and ".join(engine.proxies)
        raise UsageError(f"--proxy: {engine.name} asks no {proxy.scheme} proxy, only {able}")


def proxy_resolver(proxy: Proxy, network: Network, rules: AddressRules) -> Resolver:
    """The user named the proxy, so it may be anywhere; what it is asked for may not."""
    return ProxyResolver(proxy, rules, network.resolver(AddressRules([proxy.host])))


def page_sinks(run: Run) -> list[Sink]:
    """The page files of a run: those of ``--out``, or ``pages.jsonl``. Raises UsageError."""
    places = run.settings.out or (str(run.directory / "pages.jsonl"),)
    return [page_sink(place, resumed=run.resumed) for place in places]


def page_sink(place: str, *, resumed: bool) -> Sink:
    if place == "-":
        return JsonlEncoder(), StdoutWriter()
    if Path(place).suffix != ".jsonl":
        raise UsageError(f"--out {place}: the suffix picks the format; known is .jsonl")
    return JsonlEncoder(), FileWriter(output_path("--out", place, resumed), resumed=resumed)


def archive_writer(place: str, *, resumed: bool) -> Writer:
    """Raises UsageError where the archive exists already, StateError where it cannot be written."""
    return WarcWriter(output_path("--record", place, resumed), resumed=resumed)


def output_path(flag: str, place: str, resumed: bool) -> Path:
    """Raises UsageError where a new run would write over something."""
    path = Path(place)
    if path.exists() and not resumed:
        raise UsageError(f"{flag} {place}: exists already, and is not overwritten")
    return path


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
    frontier: Frontier
    fetcher: Fetcher
    source: SourceReader
    parse: ParseStage
    output: Output
    ledger: Ledger
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
    lines: Lines,
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
    engine = make_engine(settings.engine, engine_options(settings, network))
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
    ledger = Ledger(store)
    frontier = Frontier(
        host_policy(settings, rules, network),
        robots=settings.robots,
        rate=settings.rate,
        heads=Heads(store.tails()),
        levels=Levels(store.depths()) if settings.in_levels else None,
        pending=store.counts.pending,
    )
    accept = _acceptor(rules, asking, ledger)
    documents = Documents(frontier, accept)
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
        gate=Gate(accept, options.strip, quota(settings, store)),
        observe=_observer(meter, timeline, sample),
        opening=lambda: timeline.start(meter.start()),
        closing=closing,
        failures=len(sinks),
        skips=len(sinks) + 1,
    )
    limits = Limits(fetch_slots(settings), settings.memory, settings.max_pages, settings.in_levels)
    core = Core(parts, limits)
    auto = engine if isinstance(engine, AutoEngine) else None
    return Crawl(core, frontier, asking, source, stage, output, ledger, meter, sample, rng, auto)


def _acceptor(rules: AddressRules, asking: Fetcher, ledger: Ledger) -> Callable[[Wanted], None]:
    def accept(line: Wanted) -> None:
        """What the input names has rights that a link has not; they hold after a resume too."""
        if not line.own:
            return
        named = rules.name(*host_port(line.url))
        if asking.headers.name(line.url) or named:
            ledger.name(origin(line.url))
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
