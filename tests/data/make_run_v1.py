"""Make the run in ``run-v1``: a crawl of ``support.shop`` that is killed after its second commit.

Run it with the code that writes version 1 of the state file, with tests/ on PYTHONPATH, in the
folder that is to hold the run; settings.toml keeps the path of that folder. When it is killed, each
output is longer than the last commit says, and the last commits are in SQLite's log (-wal) alone.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from support import shop
from support.killing import wait_for_end_of_session

from crawler.testing import MockWeb

OUTPUTS = ("run/pages.jsonl", "again.jsonl", "run/failures.jsonl", "run/skipped.jsonl")
ARCHIVE = "record.warc.gz"
FLAGS = ["--follow", "--cookies", "--concurrency", "2", "--retries", "0", "--quiet"]
LATENCY = 0.2
"""Seconds a page takes, so that the crawl takes several commits."""
COMMITS = 2
PATIENCE = 20.0


def crawl() -> int:
    from crawler.cli import main

    here = Path.cwd()
    files = [str(here / name) for name in (OUTPUTS[0], OUTPUTS[1], ARCHIVE, "fields.toml")]
    places = zip(("--out", "--out", "--record", "--extract"), files, strict=True)
    flags = [*FLAGS, *(word for pair in places for word in pair)]
    with MockWeb() as web:
        shop.serve(web, LATENCY)
        return main(["crawl", "--run", str(here / "run"), *flags, str(here / "list.csv")])


def committed(state: Path) -> list[int]:
    """How long the last commit says that each output is; none before the first."""
    if not state.exists():
        return []
    with closing(sqlite3.connect(f"{state.absolute().as_uri()}?mode=ro", uri=True)) as file:
        found = file.execute("SELECT value FROM facts WHERE name = 'offsets'").fetchone()
    return json.loads(found[0])


def wait_for_tails(running: subprocess.Popen[bytes]) -> None:
    """Until there were some commits, and every output has since grown past the last."""
    commits: set[tuple[int, ...]] = set()
    deadline = time.monotonic() + PATIENCE
    while True:
        assert running.poll() is None, "the crawl ended before it could be killed"
        assert time.monotonic() < deadline, "no moment at which every output has a tail"
        offsets = committed(Path("run/state.db"))
        if any(offsets):
            commits.add(tuple(offsets))
            sizes = [Path(name).stat().st_size for name in (*OUTPUTS, ARCHIVE)]
            if len(commits) >= COMMITS and all(map(_has_tail, offsets, sizes)):
                return
        time.sleep(0.005)


def _has_tail(offset: int, size: int) -> bool:
    return 0 < offset < size


def make() -> None:
    Path("list.csv").write_text(shop.table())
    Path("fields.toml").write_text('name = "h1.name"\n')
    running = subprocess.Popen([sys.executable, __file__, "crawl"], start_new_session=True)
    try:
        wait_for_tails(running)
    finally:
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    wait_for_end_of_session(running.pid)
    for name in ("lock", "state.db-shm"):
        Path("run", name).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(crawl() if sys.argv[1:] == ["crawl"] else make())
