"""A comparison from the list to the verdict: record once, replay to each contestant, judge."""

import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from crawler.app.fetching import request_headers
from crawler.app.hidden import secrets_of
from crawler.app.parsing import parse_options
from crawler.app.run_dir import make_directory
from crawler.compare import parsing_notes, results, summary, verdict
from crawler.compare.listing import Listing, of_urls, read_listing
from crawler.compare.masking import masked, without_secrets
from crawler.compare.one_run import RunJob
from crawler.compare.options import CompareOptions, parse_flags
from crawler.compare.parity import audit
from crawler.compare.plan import Plan, RunTurn, plan, turns
from crawler.compare.processes import Crawls
from crawler.compare.reuse import Reuse, reuse_of
from crawler.engines.base import Capabilities
from crawler.engines.registry import capabilities_of
from crawler.localweb.replay import Replay
from crawler.localweb.replay_messages import Ready
from crawler.localweb.request_log import Account
from crawler.metrics.comparison import Comparison, Recording, TimedRun, to_json
from crawler.metrics.contestants import Contestant, Naming
from crawler.metrics.report import Report, from_json
from crawler.model.errors import StateError, UsageError, writing
from crawler.model.interpreter import has_lock
from crawler.model.units import count
from crawler.model.version import __version__
from crawler.settings import Settings, usable_cores

Say = Callable[[str], None]
"""Shows the progress to a person, one sentence per call."""
_KEPT_STATUSES = range(400, 500)
_TEMPORARY_STATUSES = {408, 425, 429}
_NO_OUTPUT: dict[str, Any] = {
    "out": (),
    "record": None,
    "baseline": None,
    "strict": False,
    "json": False,
    "log_file": None,
    "cache": None,
    "cache_size": None,
}
"""Options that turn off the output of a single run, and what would spare it its work."""
_ANY_URL = "http://nowhere.invalid/"
"""Has only the headers that go with every request, none that are for one origin."""
_ON_REPLAY: dict[str, Any] = {
    "robots": False,
    "retries": 0,
    "follow": False,
    "depth": None,
    "scope": "host",
    "include": (),
    "exclude": (),
    "delay": 0,
    "per_host": None,
    "rate": None,
    "max_pages": None,
    "per_address": None,
    "retry": (),
    "strip_param": (),
    "max_url_length": 2000,
    "max_repeats": 4,
    "max_per_host": None,
    "proxy": None,
}
"""A replay needs no politeness, and its list has exactly the URLs that were recorded."""
_NOTES_ON_REPLAY = (
    "All runs used a replay on this machine. Each response took as long as in the recording; "
    "handshakes and DNS took as long as they take on this machine.",
    "The replay had no delays, no limits per host, no robots.txt (and no Crawl-delay) and no "
    "retries. Politeness applied to the recording.",
)
_NOTE_ON_CACHE = (
    "No run used the folder of --cache: pages that are in it would have cost no parsing."
)


def compare(options: CompareOptions, say: Say) -> tuple[Comparison, Path]:
    """Compare, and write ``compare.json`` into the run directory; returns both.

    Raises UsageError, StateError and KeyboardInterrupt.
    """
    settings = options.common()
    _check(options, settings)
    capabilities = {name: capabilities_of(name) for name in options.engines}
    parsings = options.parsings()
    for each in parsings:
        parse_options(options.settings(**parse_flags(*each)))  # refuses what no run could use
    planned = plan(options.engines, options.concurrencies, parsings, capabilities)
    wanted = read_listing(settings)
    directory = make_directory(settings)
    session = Session(options, settings, planned, capabilities, directory, say)
    try:
        comparison = session.live(wanted) if options.live else session.replayed(wanted)
    except UsageError:
        shutil.rmtree(directory)
        raise
    path = directory / "compare.json"
    with writing(path):
        path.write_bytes(to_json(comparison))
    return comparison, directory


def _check(options: CompareOptions, settings: Settings) -> None:
    if settings.http2 and not options.live:
        raise UsageError("--http2 needs --live: a replay speaks HTTP/1.1 only")
    if settings.replay and options.live:
        raise UsageError("--live and --replay exclude each other")


class _Ended(NamedTuple):
    """What a run left, and the CPU time of its processes in seconds."""

    report: Report
    found: results.RunResults
    fetches: list[results.FetchLine]
    cpu: float


class Session:
    """One comparison in progress; its run directory is ``directory``."""

    def __init__(
        self,
        options: CompareOptions,
        settings: Settings,
        planned: Plan,
        capabilities: Mapping[str, Capabilities],
        directory: Path,
        say: Say,
    ) -> None:
        self._options = options
        self._common = settings
        self._plan = planned
        self._naming = Naming(planned.contestants)
        self._capabilities = capabilities
        self._directory = directory
        self._say = say
        self._started = time.monotonic()
        self._runs: list[TimedRun] = []
        self._seen: dict[Contestant, list[Account]] = defaultdict(list)
        self._reuse: dict[Contestant, list[Reuse]] = defaultdict(list)
        self._first: tuple[str, results.RunResults] | None = None
        self._differences: list[str] = []
        self._alone: Report | None = None
        """The report of the crawl that measured a baseline."""

    def live(self, wanted: Listing) -> Comparison:
        """Compare on the network: every run uses the real sites."""
        runs = len(self._plan.contestants) * self._options.repeat
        sample = self._common.baseline or 0
        requests = runs * wanted.count + len(self._plan.contestants) + 2 * sample
        self._say(
            f"--live: {count(runs, 'crawl')} of {count(wanted.count, 'URL')}: about {requests:,} "
            "requests to the sites, plus robots.txt, redirects and retries"
        )
        with Crawls(wanted) as crawls:
            if sample:
                self._measure_baseline(crawls, None, max_pages=sample, order="random")
            for each in self._plan.contestants:
                self._crawl(crawls, RunTurn(each, 0), None, max_pages=1)
            for turn in turns(self._plan.contestants, self._options.repeat):
                self._count(crawls, turn, None)
        notes = ("Measured on the network: changes of the sites' speed are part of the figures.",)
        return self._close(notes)

    def replayed(self, wanted: Listing) -> Comparison:
        """Compare on a replay: the sites are crawled once, or not at all if there is an archive."""
        recording, listed = self._recorded(wanted)
        with (
            Replay(recording.archive, self._common.latency_scale, last=True) as replay,
            Crawls(listed) as crawls,
        ):
            for loss in replay.losses:
                self._say(f"{recording.archive}: {loss}")
            if self._common.baseline:
                self._measure_baseline(crawls, replay)
            for each in self._plan.contestants:
                self._say(f"warming up: {self._naming.name(each)}")
                self._crawl(crawls, RunTurn(each, 0), replay)
            replay.account()
            for turn in turns(self._plan.contestants, self._options.repeat):
                self._count(crawls, turn, replay)
        return self._close(_NOTES_ON_REPLAY, recording)

    # The recording

    def _recorded(self, wanted: Listing) -> tuple[Recording, Listing]:
        if self._common.replay:
            return Recording(self._common.replay, 0.0, 0.0), wanted
        self._say(f"recording {count(wanted.count, 'URL')} once, politely")
        archive = self._directory / "recording.warc.gz"
        folder = self._directory / "recording"
        changes = {"run": str(folder), "record": str(archive), "engine": "curl"}
        with Crawls(wanted) as crawls:
            first = self._plan.contestants[0]
            parsing = parse_flags(first.parse, first.workers)
            flags = {**self._options.flags, **_NO_OUTPUT, **parsing, **changes}
            crawls.crawl(self._job(flags), visible=not self._common.quiet)
        report = from_json((folder / "report.json").read_bytes())
        listed, left_out = _worth_replaying(folder)
        if not listed:
            raise StateError(
                f"no URL returned a page, so there is nothing to compare; see {folder}"
            )
        recording = Recording(str(archive), report.wall_s, report.io_wait.total_s, left_out)
        return recording, of_urls(listed)

    # The runs

    def _measure_baseline(self, crawls: Crawls, replay: Replay | None, **some: Any) -> None:
        """Measure URLs one after the other; ``some`` are options that limit the crawl."""
        sample = self._common.baseline
        self._say(f"measuring {count(sample or 0, 'URL')} one after the other")
        first = RunTurn(self._plan.contestants[0], 0)
        self._alone = self._crawl(crawls, first, replay, baseline=sample, **some).report

    def _count(self, crawls: Crawls, turn: RunTurn, replay: Replay | None) -> None:
        name = self._naming.name(turn.contestant)
        self._say(f"run {turn.repeat} of {self._options.repeat}: {name}")
        report, found, fetches, cpu = self._crawl(crawls, turn, replay)
        account = replay.account() if replay else None
        if account:
            self._seen[turn.contestant].append(account)
        reuse = reuse_of(report, fetches, account)
        if reuse:
            self._reuse[turn.contestant].append(reuse)
        name = f"{name}, run {turn.repeat},"
        if not report.urls.done:
            raise StateError(f"{name} has no page")
        if self._first is None:
            self._first = name, found
        self._differences += results.differences(*self._first, name, found)
        self._runs.append(summary.figures(turn, report, cpu, account, reuse))

    def _crawl(
        self, crawls: Crawls, turn: RunTurn, replay: Replay | None, **changes: Any
    ) -> _Ended:
        folder = self._directory / "run"
        job = self._job(
            {**self._flags(turn.contestant), **changes}
            | {"concurrency": turn.contestant.concurrency, "run": str(folder), "quiet": True},
            replay.network.ready if replay else None,
        )
        cpu = crawls.crawl(job)
        report = from_json((folder / "report.json").read_bytes())
        ended = _Ended(report, results.read(folder), list(results.fetches(folder)), cpu)
        shutil.rmtree(folder)
        return ended

    def _job(self, flags: dict[str, Any], replay: Ready | None = None) -> RunJob:
        config, variables = self._options.config, self._options.variables
        if replay is None:
            return RunJob(flags, config, variables=variables)
        hidden = {**flags, **masked(self._common)}
        return RunJob(hidden, config, replay, variables=without_secrets(variables))

    def _flags(self, contestant: Contestant) -> dict[str, Any]:
        """The flags of a run of ``contestant``, without its concurrency and directory."""
        changed = {} if self._options.live else _ON_REPLAY
        http2 = self._common.http2 and self._capabilities[contestant.engine].http2
        own = {"engine": contestant.engine, "http2": http2, "replay": None, "latency_scale": 1}
        parsing = parse_flags(contestant.parse, contestant.workers)
        return {**self._options.flags, **_NO_OUTPUT, **changed, **own, **parsing}

    def _audited(self, contestant: Contestant) -> str:
        """The name under which its settings are audited: those that follow from what differs."""
        parse = [contestant.parse] if self._naming.compares_parsing else []
        return ", ".join([contestant.engine, *parse])

    # The verdict

    def _close(
        self,
        notes: tuple[str, ...],
        recording: Recording | None = None,
    ) -> Comparison:
        own = {
            self._audited(each): self._options.settings(**self._flags(each))
            for each in self._plan.contestants
        }
        parity = audit(
            own,
            self._capabilities,
            request_headers(self._common).of(_ANY_URL),
            self._seen,
            self._reuse,
        )
        hide = secrets_of(self._common).hide
        parity = msgspec.structs.replace(
            parity,
            settings=tuple(map(hide, parity.settings)),
            unexplained=tuple(map(hide, parity.unexplained)),
        )
        by_contestant = summary.by_contestant(self._runs)
        cores = usable_cores()
        urls = len(self._first[1]) if self._first else 0
        baseline = summary.one_by_one(self._alone, urls) if self._alone else None
        same = not self._differences
        reason = verdict.withholding(parity.fair, same, self._options.repeat)
        lock = has_lock()
        summaries = summary.summaries(by_contestant, cores, baseline, has_lock=lock)
        learned = () if reason else parsing_notes.notes(by_contestant, summaries, has_lock=lock)
        return Comparison(
            version=__version__,
            live=self._options.live,
            urls=urls,
            baseline=baseline,
            cores=cores,
            repeat=self._options.repeat,
            seconds=time.monotonic() - self._started,
            runs=tuple(self._runs),
            parity=parity,
            same_results=same,
            differences=tuple(self._differences[:20]),
            verdict=tuple(verdict.judge(by_contestant, reason, cores)),
            recommended=None if reason else verdict.recommend(by_contestant),
            summary=summaries,
            parsing=tuple(learned),
            left_out=self._plan.left_out,
            notes=(*notes, _NOTE_ON_CACHE) if self._common.cache else notes,
            recording=recording,
        )


def _worth_replaying(folder: Path) -> tuple[list[str], tuple[str, ...]]:
    """URLs with a result that does not change (pages, 404 and similar), and what is left out."""
    kept = list(results.page_urls(folder))
    lost = 0
    for failure in results.failures(folder):
        status = failure.status
        if status in _KEPT_STATUSES and status not in _TEMPORARY_STATUSES:
            kept.append(failure.url)
        else:
            lost += 1
    note = f"{count(lost, 'URL')} failed in the recording and would only measure timeouts"
    return kept, (note,) if lost else ()
