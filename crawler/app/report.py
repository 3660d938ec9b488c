"""Creates and writes the report of a crawl."""

from pathlib import Path

import msgspec

from crawler.engines.auto import AutoEngine
from crawler.engines.base import Engine
from crawler.metrics import sentences
from crawler.metrics.memory import rss_peak
from crawler.metrics.meter import Meter
from crawler.metrics.progress import MAX_HOSTS
from crawler.metrics.report import Report, to_json
from crawler.metrics.resting import RestingHosts
from crawler.metrics.simultaneous import Simultaneous, Work, simultaneous
from crawler.model.errors import writing
from crawler.model.files import replace_file
from crawler.model.interpreter import has_lock
from crawler.model.version import __version__
from crawler.parsing.executors.base import ParseExecutor
from crawler.settings import Settings, usable_cores


def make_report(
    settings: Settings,
    meter: Meter,
    engine: Engine,
    executor: ParseExecutor,
    resting: RestingHosts,
    waiting_since: float,
    duplicate_pages: int,
) -> Report:
    """Call it while the parse processes are alive: the report includes their memory.

    ``waiting_since`` is the monotonic time at which the user started the crawl.
    """
    workers = executor.workers
    report = meter.finish(
        version=__version__,
        engine=_engine_name(settings, engine),
        workers=workers,
        locked=settings.parse == "thread" and has_lock(),
        startup_s=meter.started - waiting_since,
        rss_peak_mb=rss_peak(executor.pids),
        same_content=duplicate_pages,
    )
    resting_hosts, longest = resting.now(MAX_HOSTS) if report.urls.pending else (0, ())
    report = msgspec.structs.replace(
        report,
        model=_modelled(report, workers),
        lost_workers=executor.lost_workers,
        resting_hosts=resting_hosts,
        resting=longest,
        cache=meter.cache_use if settings.cache else None,
    )
    return _with_choice(report, engine, workers) if isinstance(engine, AutoEngine) else report


def _engine_name(settings: Settings, engine: Engine) -> str:
    """The name that it was chosen by; an engine of Python's has only that of its capabilities."""
    chosen = settings.engine
    return chosen if isinstance(chosen, str) else engine.capabilities.name


def _modelled(report: Report, workers: int) -> Simultaneous:
    """Return the shortest possible time for the waits and the CPU time of this run."""
    work = Work(report.io_wait.total_s, report.cpu.fetch_s, report.cpu.parse_s)
    return simultaneous(work, report.concurrency, workers, usable_cores())


def _with_choice(report: Report, engine: AutoEngine, workers: int) -> Report:
    choice = engine.choice
    reason = sentences.choice(choice, workers)
    return msgspec.structs.replace(report, engine=f"auto ({choice.engine})", auto=reason)


def write_report(report: Report, directory: Path) -> Report:
    """Write ``report.json``. Raises StateError."""
    path = directory / "report.json"
    with writing(path):
        replace_file(path, to_json(report))
    return report
