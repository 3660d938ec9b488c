"""What signals do to a crawl, and what they leave behind."""

import json
import subprocess
import time
from pathlib import Path

import pytest
from e2e.conftest import Serve, balanced, command, environment, html
from support.processes import ending

from crawler.localweb.server import SILENCE, Answer, Seen


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


def wait_for_pages(path: Path, count: int) -> None:
    """Until so many pages are written, though not committed yet."""
    until = time.monotonic() + 30
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.promise("P36")
def test_an_interrupt_finishes_requests_in_flight(serve: Serve, tmp_path: Path) -> None:
    site = serve({f"/{n}": html("x", latency=0.3) for n in range(100)})
    (tmp_path / "list").write_text("\n".join(site.url(f"/{n}") for n in range(100)))
    process = start(tmp_path, "--no-robots", "--concurrency", "4", tmp_path / "list")
    wait_for_requests(site, 5)
    process.send_signal(2)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "finishing requests in flight" in err
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    lines = (tmp_path / "run" / "pages.jsonl").read_text().splitlines()
    assert report["urls"]["done"] == len(lines) == len(site.seen)
    assert report["urls"]["pending"] > 0
    assert balanced(report["urls"])


@pytest.mark.promise("P36")
def test_a_second_interrupt_ends_at_once(serve: Serve, tmp_path: Path) -> None:
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


@pytest.mark.promise("P34")
def test_a_killed_crawler_leaves_no_process(serve: Serve, tmp_path: Path) -> None:
    site = serve({"/": Answer(script=(SILENCE,))})
    process = start(tmp_path, "--no-robots", site.url("/"))
    wait_for_requests(site, 1)
    with ending(process.pid, least=1):
        process.kill()
        process.communicate(timeout=10)


@pytest.mark.promise("P36")
def test_an_interrupt_ends_the_baseline(serve: Serve, tmp_path: Path) -> None:
    """Every page is there once; who asks again waits."""
    asked: set[str] = set()

    def answer(seen: Seen) -> Answer:
        again = seen.target in asked
        asked.add(seen.target)
        return Answer(script=(SILENCE,)) if again else html("x")

    site = serve(dict.fromkeys(("/1", "/2"), answer))
    (tmp_path / "list").write_text(f"{site.url('/1')}\n{site.url('/2')}\n")
    process = start(tmp_path, "--no-robots", "--baseline", "2", tmp_path / "list")
    wait_for_requests(site, 3)
    process.send_signal(2)
    process.communicate(timeout=10)
    assert process.returncode == 130
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["urls"]["done"] == 2
    assert report["baseline"] is None
