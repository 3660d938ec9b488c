"""Watches a crawl from outside: its memory, and how often it commits."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from e2e.conftest import command, environment

from crawler.frontier.entry import Counts
from crawler.frontier.state.status import read_counts
from crawler.model.errors import StateError

EVERY = 0.02
"""Seconds between two looks."""


class Watched(NamedTuple):
    """A crawl that has ended: its exit code, the most memory of its main process in MB (VmHWM), and
    the longest time between two commits, in seconds.

    ``peaks`` is that memory by the number of pages that were done.
    """

    code: int
    memory: float
    gap: float
    peaks: Mapping[int, float]


def watch(arguments: Sequence[object], run: Path) -> Watched:
    """Crawl into ``run``, which commits counts all the time."""
    process = subprocess.Popen(
        command("crawl", "--quiet", "--run", run, *arguments),
        cwd=run.parent,
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    memory = gap = 0.0
    last, since = None, time.monotonic()
    peaks: dict[int, float] = {}
    while process.poll() is None:
        memory = max(memory, _peak_of(process.pid))
        found = _committed(run)
        if found is not None and found != last:
            gap = max(gap, time.monotonic() - since) if last is not None else 0.0
            last, since = found, time.monotonic()
            peaks[found[0].done] = memory
        with suppress(subprocess.TimeoutExpired):
            process.wait(EVERY)
    return Watched(process.returncode, memory, gap, peaks)


def _committed(run: Path) -> tuple[Counts, dict[str, str]] | None:
    """The counts and the facts of the last commit; the time of a commit is a fact."""
    try:
        return read_counts(run / "state.db")
    except StateError:  # it does not exist yet
        return None


def _peak_of(pid: int) -> float:
    """VmHWM of a process in MB (proc(5)); 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except ProcessLookupError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
