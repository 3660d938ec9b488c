"""A driver that is killed or interrupted, and a slice that sleeps longer than its time."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from e2e.conftest import environment
from support.books import standings
from support.killing import processes_of, wait_for_end_of_session
from support.processes import descendants
from support.sharded_site import Crawls, sharded_site

from crawler.distributed import driver
from crawler.metrics.report import Report
from crawler.runs.layout import is_locked

PATIENCE = 30.0


@pytest.fixture
def crawls(tmp_path: Path) -> Iterator[Crawls]:
    """A site that takes about a second: each chain of pages has one request after the other."""
    with sharded_site(pages=12, run=tmp_path / "run", latency=0.08) as site:
        yield site


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


@contextmanager
def started(crawls: Crawls) -> Iterator["subprocess.Popen[str]"]:
    """The crawl from the command line, as leader of a session, after its first requests."""
    before = crawls.requests
    with subprocess.Popen(
        crawls.command(),
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        wait_until(lambda: crawls.requests >= before + 10 or process.poll() is not None)
        yield process


def finish(crawls: Crawls) -> None:
    done = subprocess.run(
        crawls.command(), env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    crawls.check()


@pytest.mark.promise("P34", "P35")
def test_a_driver_that_is_killed_is_resumed(crawls: Crawls) -> None:
    """Its slices end with it, at once."""
    with started(crawls) as process:
        assert len(processes_of(process.pid)) >= 2
        process.kill()
        process.communicate()
    wait_for_end_of_session(process.pid)
    finish(crawls)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_crawl_ends_in_order_and_is_resumed(
    crawls: Crawls, number: signal.Signals
) -> None:
    """A terminal sends the signal to all processes, and so does this test."""
    with started(crawls) as process:
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    wait_for_end_of_session(process.pid)
    for each in standings(crawls.run):
        records = list((crawls.run / "shards" / f"{each.shard:04d}" / "slices").iterdir())
        assert len(records) == each.sessions, "every session has ended in order"
    assert any(each.counts.pending for each in standings(crawls.run)), "it had ended before"
    finish(crawls)


@pytest.mark.promise("P34")
def test_a_slice_that_sleeps_beyond_its_time_keeps_its_shard(
    crawls: Crawls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its order is late, and the driver sees that; but while it has the lock nobody else begins."""
    looks: Counter[str] = Counter()

    def look(directory: Path) -> bool:
        found = is_locked(directory)
        looks[directory.name] += found
        return found

    monkeypatch.setattr(driver, "GRACE_S", 0.1)
    monkeypatch.setattr(driver, "LOOK_S", 0.05)
    monkeypatch.setattr(driver, "is_locked", look)
    with ThreadPoolExecutor(1) as threads:
        crawl = threads.submit(_crawl, crawls)
        wait_until(lambda: crawls.requests >= 10)
        with asleep(next(pid for pid in descendants(os.getpid()) if _is_slice(pid))):
            wait_until(lambda: max(looks.values(), default=0) > 2 or crawl.done())
            assert not crawl.done()
        report = crawl.result(PATIENCE)
    assert report.shards is not None
    assert report.shards.killed == 0
    crawls.check()


@contextmanager
def asleep(pid: int) -> Iterator[None]:
    """Suspend a process with all that it has started."""
    family = [pid, *descendants(pid)]
    for each in family:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in reversed(family):
            os.kill(each, signal.SIGCONT)


def _crawl(crawls: Crawls) -> Report:
    """In processes of their own."""
    with ThreadPoolExecutor(2) as threads:
        return crawls.crawl(threads)


def _is_slice(pid: int) -> bool:
    return b"crawler.distributed.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
