"""Computes the figures of a comparison from the reports of its runs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

from crawler.compare.plan import RunTurn
from crawler.compare.reuse import Reuse
from crawler.compare.statistics import Interval, interval
from crawler.compare.verdict import main_limit, server_busy
from crawler.localweb.request_log import Account
from crawler.metrics.comparison import SpeedUp, Summary, TimedRun
from crawler.metrics.contestants import Contestant, Naming, contestant_of
from crawler.metrics.report import Cpu, OneByOne, Report
from crawler.metrics.simultaneous import Simultaneous, Work, simultaneous


def figures(
    turn: RunTurn, report: Report, cpu: float, account: Account | None, reuse: Reuse | None
) -> TimedRun:
    """The figures of one run with at least one page.

    ``cpu`` is the CPU time of its processes in seconds.
    """
    return TimedRun(
        engine=turn.contestant.engine,
        concurrency=turn.contestant.concurrency,
        parse=turn.contestant.parse,
        workers=turn.contestant.workers,
        repeat=turn.repeat,
        wall_s=report.wall_s,
        pages=report.urls.done,
        pages_per_s=report.pages_per_s,
        cpu_s=cpu,
        cpu=report.cpu,
        cpu_s_per_1000=report.cpu.total_s / report.urls.done * 1000,
        rss_peak_mb=report.rss_peak_mb,
        latency_ms=report.latency_ms,
        io_wait=report.io_wait,
        budget=report.budget,
        slots=report.slots,
        errors=report.errors,
        limited_by=report.limited_by,
        requests=account.requests if account else None,
        connections=account.connections if account else report.connections.opened,
        connections_needed=reuse.needed if reuse else None,
        server_cpu_s=account.cpu_s if account else None,
        wait_error=_wait_error(report, account) if account else None,
    )


def _wait_error(report: Report, account: Account) -> float | None:
    """How much longer the waits were than recorded, as a share; None if none were recorded."""
    waited = report.io_wait.total_s - report.io_wait.handshake_s
    return waited / account.wait_s - 1 if account.wait_s > 0 else None


def by_contestant(runs: Sequence[TimedRun]) -> dict[Contestant, list[TimedRun]]:
    """``runs`` by contestant, in the order of their repeats."""
    found: defaultdict[Contestant, list[TimedRun]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.repeat):
        found[contestant_of(run)].append(run)
    return dict(found)


def one_by_one(report: Report, urls: int) -> OneByOne | None:
    """The baseline in ``report``, scaled to ``urls``: that crawl may have been smaller."""
    found, ended = report.baseline, report.urls.done + report.urls.failed
    if found is None or not ended:
        return None
    share = urls / ended
    times = (share * each for each in (found.sequential_s, found.low_s, found.high_s))
    return OneByOne(found.sample, *times)


def summaries(
    runs: Mapping[Contestant, Sequence[TimedRun]],
    cores: int,
    baseline: OneByOne | None = None,
    *,
    has_lock: bool = True,
) -> tuple[Summary, ...]:
    """Speed-ups are relative to ``baseline``. ``has_lock``: threads of the runs took turns."""
    itself = "the CPU of the fetch thread" if Naming(runs).compares_parsing else "the engine"

    def parallel(each: Contestant) -> int:
        return 0 if each.parse == "thread" and has_lock else each.workers

    return tuple(
        _summary(each, made, model(each, made, parallel(each), cores), cores, baseline, itself)
        for each, made in runs.items()
    )


def _summary(
    contestant: Contestant,
    runs: Sequence[TimedRun],
    model: Simultaneous,
    cores: int,
    baseline: OneByOne | None,
    itself: str,
) -> Summary:
    speed = interval([run.pages_per_s for run in runs])
    busy = [share for run in runs if (share := server_busy(run)) is not None]
    errors = [run.wait_error for run in runs if run.wait_error is not None]
    return Summary(
        engine=contestant.engine,
        concurrency=contestant.concurrency,
        parse=contestant.parse,
        workers=contestant.workers,
        pages_per_s=speed.ratio,
        low_pages_per_s=speed.low,
        high_pages_per_s=speed.high,
        wall_s=median(run.wall_s for run in runs),
        cpu_s_per_1000=median(run.cpu_s_per_1000 for run in runs),
        rss_peak_mb=median(run.rss_peak_mb for run in runs),
        descheduled=median(run.budget.descheduled / run.wall_s for run in runs),
        server_busy=median(busy) if busy else None,
        wait_error=median(errors) if errors else None,
        limited_by=main_limit(runs, cores) or itself,
        model=model,
        cpu=_cpu(runs),
        cores=median(run.cpu.total_s / run.wall_s for run in runs),
        speedup=_speedup(baseline, interval([run.wall_s for run in runs])) if baseline else None,
    )


def _speedup(baseline: OneByOne, wall: Interval) -> SpeedUp:
    ratio = baseline.sequential_s / wall.ratio
    return SpeedUp(ratio, baseline.low_s / wall.high, baseline.high_s / wall.low)


def _cpu(runs: Sequence[TimedRun]) -> Cpu:
    fetching, parsing = ((run.cpu.fetch_s for run in runs), (run.cpu.parse_s for run in runs))
    return Cpu(median(fetching), median(parsing))


def model(
    contestant: Contestant, runs: Sequence[TimedRun], workers: int, cores: int
) -> Simultaneous:
    """The chess simultaneous for the median work of ``runs``."""
    return simultaneous(work_of(runs), contestant.concurrency, workers, cores)


def work_of(runs: Sequence[TimedRun]) -> Work:
    """The median work of ``runs``."""
    cpu = _cpu(runs)
    return Work(
        wait_s=median(run.io_wait.total_s for run in runs),
        fetch_s=cpu.fetch_s,
        parse_s=cpu.parse_s,
        # The shortest of them: the others include delays of the crawler itself.
        longest_s=min(run.latency_ms.max for run in runs) / 1e3,
    )
