"""What signals do to a crawl, and what they leave behind."""

import fcntl
import json
import os
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import Serve, balanced, command, environment, html
from support.processes import ending

from crawler.localweb.server import SILENCE, Answer, Seen


def start(tmp_path: Path, *arguments: object, **streams: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("crawl", "--run", tmp_path / "run", *arguments),
        cwd=tmp_path,
        env=environment(),
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams,
    )


def wait_for_requests(site: object, count: int) -> None:
    until = time.monotonic() + 30
    while len(site.seen) < count:  # type: ignore[attr-defined]
        assert time.monotonic() < until
        time.sleep(0.01)


def wait_until(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.01)


def unread(pipe: int) -> int:
    """Number of bytes that wait in a pipe."""
    return int(struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0])


def fill(pipe: int) -> None:
    """Write into a pipe until it takes no more."""
    os.set_blocking(pipe, False)
    for size in (4096, 1):
        try:
            while True:
                os.write(pipe, b"x" * size)
        except BlockingIOError:
            pass
    os.set_blocking(pipe, True)


@contextmanager
def ended_by_two(
    number: int, tmp_path: Path, *arguments: object, **streams: Any
) -> Iterator[subprocess.Popen[str]]:
    """A crawl that has to end when it gets the signal ``number`` twice, after the block."""
    with start(tmp_path, *arguments, **streams) as process:
        try:
            yield process
            process.send_signal(number)
            time.sleep(0.3)  # two signals at the same time can be one
            assert process.poll() is None
            process.send_signal(number)
            process.wait(timeout=10)
            assert process.returncode == 130
        finally:
            process.kill()


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


BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@BOTH
@pytest.mark.promise("P69")
def test_a_second_signal_ends_a_crawl_whose_output_is_not_read(
    serve: Serve, tmp_path: Path, number: int
) -> None:
    page = html(f"<title>{'x' * 2000}</title>")
    site = serve({f"/{n}": page for n in range(100)})
    urls = {site.url(f"/{n}") for n in range(100)}
    (tmp_path / "list").write_text("\n".join(urls))
    reader, writer = os.pipe()
    given = (number, tmp_path, "--no-robots", "--out", "-", tmp_path / "list")
    with ended_by_two(*given, stdout=writer):
        wait_until(lambda: unread(reader) > 60_000)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        before = pipe.read().splitlines()[:-1]  # standard output may end within a line
    resumed = start(tmp_path, "--resume", "--quiet")
    after, err = resumed.communicate(timeout=30)
    assert (resumed.returncode, err) == (0, "")
    records = [json.loads(line) for line in (*before, *after.splitlines())]
    assert {record["url"] for record in records} == urls


@BOTH
@pytest.mark.promise("P69")
def test_a_second_signal_ends_a_crawl_whose_messages_are_not_read(
    serve: Serve, tmp_path: Path, number: int
) -> None:
    site = serve({"/": Answer(script=(SILENCE,))})
    reader, writer = os.pipe()
    fill(writer)
    with ended_by_two(number, tmp_path, "--no-robots", site.url("/"), stderr=writer):
        wait_for_requests(site, 1)
    os.close(reader)
    os.close(writer)


@pytest.mark.promise("P69")
def test_a_second_signal_ends_a_crawl_whose_log_is_not_read(serve: Serve, tmp_path: Path) -> None:
    site = serve({"/": Answer(script=(SILENCE,))})
    os.mkfifo(tmp_path / "log")
    reader = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(tmp_path / "log", os.O_WRONLY)
    fill(writer)
    options = ("--no-robots", "--log-file", tmp_path / "log", "--log", "debug")
    with ended_by_two(signal.SIGINT, tmp_path, *options, site.url("/")):
        wait_for_requests(site, 1)
    os.close(writer)
    os.close(reader)


@pytest.mark.promise("P69")
def test_a_fifo_is_refused_as_an_output_file(serve: Serve, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pages.jsonl")
    process = start(tmp_path, "--out", tmp_path / "pages.jsonl", serve({}).url("/"))
    _, err = process.communicate(timeout=10)
    assert process.returncode == 2
    assert "already exists" in err
