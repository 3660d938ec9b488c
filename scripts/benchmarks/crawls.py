"""Runs the crawler as a person would, by its command line."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from benchmarks.runs import Bench, Refused, Run, run
from crawler.metrics.report import Report, from_json

PROGRAM = str(Path(sys.executable).with_name("crawler"))


class Crawl(msgspec.Struct, frozen=True):
    """A crawl that has ended: what it took, where it wrote, what it reports of itself."""

    run: Run
    pages: Path
    report: Report


def crawl(
    bench: Bench,
    *arguments: str,
    pages: int | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    talk: Callable[["subprocess.Popen[bytes]"], None] | None = None,
) -> Crawl:
    """``crawler crawl ARGUMENTS``. Raises Refused where it fails, or not ``pages`` were done."""
    directory = bench.fresh("run")
    taken = run(
        [PROGRAM, "crawl", "--quiet", "--run", str(directory), *arguments],
        env=env,
        stdin=stdin,
        stdout=stdout,
        talk=talk,
    )
    report = from_json((directory / "report.json").read_bytes())
    if pages is not None and report.urls.done != pages:
        raise Refused(f"{report.urls.done:,} pages done of {pages:,}: {report.errors}")
    return Crawl(taken, directory / "pages.jsonl", report)
