"""Invented run directories, as a crawl writes them."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from crawler.metrics.report import (
    Baseline,
    Connections,
    Cpu,
    IoWait,
    Latency,
    Limit,
    Limiter,
    Report,
    SlotSeconds,
    TimeBudget,
    Urls,
    to_json,
)
from crawler.metrics.timeline import Line
from crawler.model.errors import FailureKind, SkipReason
from crawler.model.pages import Failure, Skipped

REPORT = Report(
    version="0.1.0",
    engine="curl",
    concurrency=64,
    startup_s=0.41,
    wall_s=20.0,
    pages_per_s=520.6,
    urls=Urls(input=10_500, done=10_412, failed=63, skipped=25),
    bytes=612_000_000,
    status={"200": 10_412, "404": 10},
    errors={"connect": 12, "timeout": 51},
    skips={"robots": 25},
    latency_ms=Latency(48.1, 91.4, 220.2, 1204.0),
    io_wait=IoWait(412.0, 45.0, 9.1, 402.9, 412 / 9.1, 3120.0, "kernel"),
    budget=TimeBudget(computing=10.8, waiting=9.14, politeness=0.04, starved=0.02),
    slots=SlotSeconds(used=1280),
    cpu=Cpu(fetch_s=10.8, parse_s=18.2),
    rss_peak_mb=312.4,
    limited_by=Limit(Limiter.CONCURRENCY, "Concurrency: it is.", "Raise it."),
    baseline=Baseline(50, 480, 430, 540, 24),
    connections=Connections(opened=130, reused=10_292, resumed=12),
)
FAILURE = Failure("http://a.example/gone", FailureKind.TIMEOUT, "no answer in 30 s", 3)
SKIPPED = Skipped("http://a.example/private", SkipReason.ROBOTS, "robots.txt says no")


def fetch(
    url: str = "http://a.example/1", start: float = 0.0, total: float = 0.05, **changes: object
) -> Line:
    """A fetch that waited ``total`` seconds for its response."""
    fields = {
        "url": url,
        "t": start,
        "queued": 0.0,
        "dns": 0.0,
        "connect": 0.0,
        "tls": 0.0,
        "wait": total,
        "receive": 0.0,
        "buffered": 0.0,
        "total": total,
        "status": 200,
        "error": None,
        "reused": True,
        "method": "kernel",
        "sure": True,
    }
    return msgspec.convert({**fields, **changes}, Line)


def write_run(
    directory: Path,
    report: Report = REPORT,
    timeline: Iterable[Line] = (fetch(),),
    failures: Iterable[Failure] = (FAILURE,),
    skips: Iterable[Skipped] = (SKIPPED,),
) -> Path:
    """Create ``directory`` and write the files that the report is made from."""
    directory.mkdir()
    (directory / "report.json").write_bytes(to_json(report))
    (directory / "settings.toml").write_text('engine = "curl"\nretries = 2\n')
    for name, records in (("timeline", timeline), ("failures", failures), ("skipped", skips)):
        text = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
        (directory / f"{name}.jsonl").write_bytes(text)
    return directory
