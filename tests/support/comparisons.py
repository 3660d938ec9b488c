"""Invented comparisons, as in ``compare.json``."""

from pathlib import Path

import msgspec
from support.reports import REPORT

from crawler.metrics.comparison import (
    Comparison,
    Parity,
    Recommended,
    Recording,
    RunOutcome,
    Summary,
    TimedRun,
    Verdict,
    to_json,
)
from crawler.metrics.report import Cpu
from crawler.metrics.simultaneous import Simultaneous


def _run(engine: str, repeat: int, pages_per_s: float) -> TimedRun:
    return TimedRun(
        engine=engine,
        concurrency=64,
        repeat=repeat,
        wall_s=1000 / pages_per_s,
        pages=1000,
        pages_per_s=pages_per_s,
        cpu_s=2.0,
        cpu=REPORT.cpu,
        cpu_s_per_1000=1.5,
        rss_peak_mb=120.0,
        latency_ms=REPORT.latency_ms,
        io_wait=REPORT.io_wait,
        budget=REPORT.budget,
        slots=REPORT.slots,
        errors={"timeout": 3},
        limited_by=REPORT.limited_by,
    )


def _summary(engine: str, low: float, middle: float, high: float) -> Summary:
    return Summary(
        engine=engine,
        concurrency=64,
        pages_per_s=middle,
        low_pages_per_s=low,
        high_pages_per_s=high,
        wall_s=1000 / middle,
        cpu_s_per_1000=1.5,
        rss_peak_mb=120.0,
        descheduled=0.1,
        server_busy=0.2,
        wait_error=0.021,
        limited_by="itself",
        model=Simultaneous(90.0, 2.0, 1.2, 2, 2),
    )


COMPARISON = Comparison(
    version="0.1.0",
    live=False,
    urls=1000,
    cores=2,
    repeat=2,
    seconds=33.0,
    runs=(_run("curl", 1, 500), _run("slow", 1, 400), _run("slow", 2, 420), _run("curl", 2, 480)),
    parity=Parity({"HTTP version": "1.1"}, engines=("slow: closes every connection",)),
    same_results=True,
    differences=(),
    verdict=(
        Verdict(
            "slow",
            "curl",
            64,
            RunOutcome.FASTER,
            "curl is 22 % faster than slow.",
            0.82,
            0.78,
            0.86,
        ),
    ),
    recommended=Recommended("curl", 64, "it was the fastest."),
    summary=(_summary("curl", 480, 490, 500), _summary("slow", 400, 410, 420)),
    notes=("What was compared is a replay.",),
    recording=Recording("recording.warc.gz", 12.0, 80.0),
)


def _parsed_run(parse: str, workers: int) -> TimedRun:
    return msgspec.structs.replace(COMPARISON.runs[0], parse=parse, workers=workers)


def _parsed(parse: str, workers: int, cores: float) -> Summary:
    return msgspec.structs.replace(
        COMPARISON.summary[0], parse=parse, workers=workers, cpu=Cpu(0.5, 1.2), cores=cores
    )


WAYS = msgspec.structs.replace(
    COMPARISON,
    repeat=1,
    runs=(_parsed_run("process", 2), _parsed_run("inline", 0)),
    verdict=(
        msgspec.structs.replace(
            COMPARISON.verdict[0],
            a="curl",
            says="process with 2 workers is 70 % faster than inline.",
            ratio=1.7,
            low=1.6,
            high=1.8,
            a_parse="process",
            a_workers=2,
            b_parse="inline",
        ),
    ),
    recommended=Recommended("curl", 64, "it was the fastest.", parse="process", workers=2),
    summary=(_parsed("process", 2, 1.71), _parsed("inline", 0, 0.98)),
    parsing=("process with 2 workers was 1.70 times as fast as inline.",),
)
"""Two ways to parse with one engine."""


def write_comparison(directory: Path, comparison: Comparison = COMPARISON) -> Path:
    """Create ``directory`` and write the file that the report is made from."""
    directory.mkdir()
    (directory / "compare.json").write_bytes(to_json(comparison))
    return directory
