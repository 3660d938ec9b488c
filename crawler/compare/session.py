"""A comparison from the list to the verdict: record once, replay to each, judge."""

import os
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from crawler.app.fetching import request_headers
from crawler.app.run_dir import make_directory
from crawler.compare import results, summary, verdict
from crawler.compare.listing import Listing, given, of_urls
from crawler.compare.one_run import RunJob
from crawler.compare.parity import audit
from crawler.compare.plan import Contestant, Plan, RunTurn, plan, turns
from crawler.compare.processes import Crawls
from crawler.engines.base import Capabilities
from crawler.engines.registry import capabilities_of
from crawler.localweb.replay import Replay
from crawler.localweb.request_log import Account
from crawler.metrics.comparison import Comparison, Recording, TimedRun, to_json
from crawler.metrics.report import Report, from_json
from crawler.model.errors import StateError, UsageError, writing
from crawler.model.units import count
from crawler.model.version import __version__
from crawler.settings import Settings, load, usable_cores

Say = Callable[[str], None]
"""Tells a person how far it is, a sentence at a time."""
_KEPT_STATUSES = range(400, 500)
_PASSING_STATUSES = {408, 425, 429}
_PLAIN: dict[str, Any] = {
    "out": (),
    "record": None,
    "baseline": None,
    "strict": False,
    "json": False,
    "log_file": None,
}
"""No run has output of its own."""
_NOWHERE = "http://nowhere.invalid/"
"""For what goes with every request, and not to one origin alone."""
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
"""A replay is nobody's host: nobody is to be spared there, and the list is what was found."""
_NOTES_ON_REPLAY = (
    "What was compared is a replay on this machine: each answer took as long as it did when it was "
    "recorded, handshakes and DNS took what they take here.",
    "No delay, no limit a host, no robots.txt (a Crawl-delay included) and no retries in the "
    "replay: politeness held for the recording.",
)


class Asked(msgspec.Struct, frozen=True):
    """What to compare. ``flags`` (by field name) and ``config`` are those of ``crawler crawl``.

    ``concurrencies`` and ``repeat`` are at least 1. ``live``: ask the sites in each run.
    """

    flags: dict[str, Any]
    config: str | None
    engines: tuple[str, ...]
    concurrencies: tuple[int, ...]
    repeat: int
    live: bool = False

    def settings(self, **changes: Any) -> Settings:
        """Raises UsageError."""
        return load({**self.flags, **changes}, os.environ, self.config)


def compare(asked: Asked, say: Say) -> tuple[Comparison, Path]:
    """Compare, and write ``compare.json`` into the run directory, which is given too.

    Raises UsageError, StateError, and KeyboardInterrupt.
    """
    settings = asked.settings()
    _check(asked, settings)
    capabilities = {name: capabilities_of(name) for name in asked.engines}
    planned = plan(asked.engines, asked.concurrencies, capabilities)
    wanted = given(settings)
    directory = make_directory(settings)
    session = Session(asked, settings, planned, capabilities, directory, say)
    try:
        comparison = session.live(wanted) if asked.live else session.replayed(wanted)
    except UsageError:
        shutil.rmtree(directory)
        raise
    path = directory / "compare.json"
    with writing(path):
        path.write_bytes(to_json(comparison))
    return comparison, directory


def _check(asked: Asked, settings: Settings) -> None:
    if settings.http2 and not asked.live:
        raise UsageError("--http2 needs --live: a replay speaks HTTP/1.1 only")
    if settings.replay and asked.live:
        raise UsageError("--live cannot go with --replay")


class Session:
    """One comparison, under way in ``directory``."""

    def __init__(
        self,
        asked: Asked,
        settings: Settings,
        planned: Plan,
        capabilities: Mapping[str, Capabilities],
        directory: Path,
        say: Say,
    ) -> None:
        self._asked = asked
        self._common = settings
        self._plan = planned
        self._capabilities = capabilities
        self._directory = directory
        self._say = say
        self._started = time.monotonic()
        self._runs: list[TimedRun] = []
        self._reports: dict[Contestant, list[Report]] = defaultdict(list)
        self._seen: dict[Contestant, list[Account]] = defaultdict(list)
        self._first: tuple[str, results.RunResults] | None = None
        self._differences: list[str] = []
        self._alone: Report | None = None
        """Of the crawl that measured a baseline."""

    def live(self, wanted: Listing) -> Comparison:
        """Every run asks the sites."""
        runs = len(self._plan.contestants) * self._asked.repeat
        sample = self._common.baseline or 0
        requests = runs * wanted.count + len(self._plan.contestants) + 2 * sample
        self._say(
            f"--live: {count(runs, 'crawl')} of {count(wanted.count, 'URL')}: about {requests:,} "
            "requests to the sites, and robots.txt, redirects and retries besides."
        )
        with Crawls(wanted) as crawls:
            if sample:
                self._measure_baseline(crawls, None, max_pages=sample, order="random")
            for each in self._plan.contestants:
                self._crawl(crawls, RunTurn(each, 0), None, max_pages=1)
            for turn in turns(self._plan.contestants, self._asked.repeat):
                self._count(crawls, turn, None)
        notes = ("Measured on the network itself: what the sites did meanwhile is in it.",)
        return self._close(notes, {})

    def replayed(self, wanted: Listing) -> Comparison:
        """The sites are asked once, or not at all where there is an archive already."""
        recording, listed = self._recorded(wanted)
        with (
            Replay(recording.archive, self._common.latency_scale, last=True) as replay,
            Crawls(listed) as crawls,
        ):
            if self._common.baseline:
                self._measure_baseline(crawls, replay)
            for each in self._plan.contestants:
                self._say(f"warming up: {each}")
                self._crawl(crawls, RunTurn(each, 0), replay)
            replay.account()
            for turn in turns(self._plan.contestants, self._asked.repeat):
                self._count(crawls, turn, replay)
        return self._close(_NOTES_ON_REPLAY, _ON_REPLAY, recording)

    # The recording

    def _recorded(self, wanted: Listing) -> tuple[Recording, Listing]:
        if self._common.replay:
            return Recording(self._common.replay, 0.0, 0.0), wanted
        self._say(f"recording {count(wanted.count, 'URL')} once, politely")
        archive = self._directory / "recording.warc.gz"
        folder = self._directory / "recording"
        changes = {"run": str(folder), "record": str(archive), "engine": "curl"}
        with Crawls(wanted) as crawls:
            flags = {**self._asked.flags, **_PLAIN, **changes}
            crawls.crawl(RunJob(flags, self._asked.config), visible=not self._common.quiet)
        report = from_json((folder / "report.json").read_bytes())
        listed, left_out = _worth_replaying(folder)
        if not listed:
            raise StateError(f"no URL gave a page to compare with; see {folder}")
        recording = Recording(str(archive), report.wall_s, report.io_wait.total_s, left_out)
        return recording, of_urls(listed)

    # The runs

    def _measure_baseline(self, crawls: Crawls, replay: Replay | None, **some: Any) -> None:
        """On ``some`` of the pages, where not on all."""
        sample = self._common.baseline
        self._say(f"measuring {count(sample or 0, 'URL')} one after the other")
        first = RunTurn(self._plan.contestants[0], 0)
        self._alone, _, _ = self._crawl(crawls, first, replay, baseline=sample, **some)

    def _count(self, crawls: Crawls, turn: RunTurn, replay: Replay | None) -> None:
        self._say(f"run {turn.repeat} of {self._asked.repeat}: {turn.contestant}")
        report, found, cpu = self._crawl(crawls, turn, replay)
        account = replay.account() if replay else None
        if account:
            self._seen[turn.contestant].append(account)
        name = f"{turn.contestant}, run {turn.repeat},"
        if self._first is None:
            self._first = name, found
        self._differences += results.differences(*self._first, name, found)
        self._reports[turn.contestant].append(report)
        self._runs.append(summary.figures(turn, report, cpu, account))

    def _crawl(
        self, crawls: Crawls, turn: RunTurn, replay: Replay | None, **changes: Any
    ) -> tuple[Report, results.RunResults, float]:
        folder = self._directory / "run"
        job = RunJob(
            {**self._flags(turn.contestant.engine), **changes}
            | {"concurrency": turn.contestant.concurrency, "run": str(folder), "quiet": True},
            self._asked.config,
            replay.network.ready if replay else None,
        )
        cpu = crawls.crawl(job)
        report, found = from_json((folder / "report.json").read_bytes()), results.read(folder)
        shutil.rmtree(folder)
        return report, found, cpu

    def _flags(self, engine: str) -> dict[str, Any]:
        """What a run of ``engine`` is asked, but for its concurrency and directory."""
        unlike = {} if self._asked.live else _ON_REPLAY
        http2 = self._common.http2 and self._capabilities[engine].http2
        own = {"engine": engine, "http2": http2, "replay": None, "latency_scale": 1}
        return {**self._asked.flags, **_PLAIN, **unlike, **own}

    # The verdict

    def _close(
        self,
        notes: tuple[str, ...],
        unlike: Mapping[str, Any],
        recording: Recording | None = None,
    ) -> Comparison:
        own = {engine: self._asked.settings(**self._flags(engine)) for engine in self._capabilities}
        parity = audit(
            own, self._capabilities, request_headers(self._common).of(_NOWHERE), self._seen
        )
        by_contestant = summary.by_contestant(self._runs)
        cores = usable_cores()
        urls = len(self._first[1]) if self._first else 0
        baseline = summary.one_by_one(self._alone, urls) if self._alone else None
        same = not self._differences
        why = verdict.withholding(parity.fair, same, self._asked.repeat)
        return Comparison(
            version=__version__,
            live=self._asked.live,
            urls=urls,
            baseline=baseline,
            cores=cores,
            repeat=self._asked.repeat,
            seconds=time.monotonic() - self._started,
            runs=tuple(self._runs),
            parity=parity,
            same_results=same,
            differences=tuple(self._differences[:20]),
            verdict=tuple(verdict.judge(by_contestant, why, cores)),
            recommended=None if why else verdict.recommend(by_contestant),
            summary=summary.summaries(by_contestant, self._common.parse_workers, cores, baseline),
            left_out=self._plan.left_out,
            notes=notes,
            recording=recording,
        )


def _worth_replaying(folder: Path) -> tuple[list[str], tuple[str, ...]]:
    """The URLs that always end alike: pages, and answers such as 404. And what is left out."""
    kept = list(results.page_urls(folder))
    lost = 0
    for failure in results.failures(folder):
        status = failure.status
        if status in _KEPT_STATUSES and status not in _PASSING_STATUSES:
            kept.append(failure.url)
        else:
            lost += 1
    says = f"{count(lost, 'URL')} failed when recorded, which would measure waiting in vain"
    return kept, (says,) if lost else ()
