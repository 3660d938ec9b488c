"""What signals do to a crawl, and what they leave behind."""

import json
import os
import select
import subprocess
import time
from pathlib import Path

from e2e.conftest import Serve, balanced, command, environment, html

from crawler.testing.server import SILENCE, Answer


def start(tmp_path: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("crawl", "--run", tmp_path / "run", *arguments),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_requests(site: object, count: int) -> None:
    until = time.monotonic() + 30
    while len(site.seen) < count:  # type: ignore[attr-defined]
        assert time.monotonic() < until
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    found = [path.read_text().split() for path in tasks.glob("*/children")]
    return [int(each) for line in found for each in line]


def test_p36_an_interrupt_finishes_what_is_in_flight(serve: Serve, tmp_path: Path) -> None:
    site = serve({f"/{n}": html("x", latency=0.3) for n in range(100)})
    (tmp_path / "list").write_text("\n".join(site.url(f"/{n}") for n in range(100)))
    process = start(tmp_path, "--no-robots", "--concurrency", "4", tmp_path / "list")
    wait_for_requests(site, 5)
    process.send_signal(2)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "finishing what is in flight" in err
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    lines = (tmp_path / "run" / "pages.jsonl").read_text().splitlines()
    assert report["urls"]["done"] == len(lines) == len(site.seen)
    assert report["urls"]["pending"] > 0
    assert balanced(report["urls"])


def test_p36_a_second_interrupt_ends_at_once(serve: Serve, tmp_path: Path) -> None:
    site = serve({"/": Answer(script=(SILENCE,))})
    process = start(tmp_path, "--no-robots", site.url("/"))
    wait_for_requests(site, 1)
    process.send_signal(15)
    assert process.stderr is not None
    process.stderr.readline()
    process.stderr.readline()
    process.send_signal(15)
    process.communicate(timeout=10)
    assert process.returncode == 130


def test_p34_nothing_outlives_a_killed_crawler(serve: Serve, tmp_path: Path) -> None:
    site = serve({"/": Answer(script=(SILENCE,))})
    process = start(tmp_path, "--no-robots", site.url("/"))
    wait_for_requests(site, 1)
    workers = children(process.pid)
    assert workers
    watches = [os.pidfd_open(pid) for pid in workers]
    process.kill()
    process.communicate(timeout=10)
    for watch in watches:
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        assert poll.poll(10_000), "a worker is alive 10 s after its parent"
        os.close(watch)
