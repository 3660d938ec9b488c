"""Processes that die, disks that are full, descriptors that run out: said, survived, made good."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Run, Serve, command, environment
from e2e.test_resume import Site, whole
from e2e.test_signals import start, wait_for_requests
from support import needs
from support.killing import crawl_killed, difference, inherit, moments, wait_for_end_of_session
from support.nginx import Nginx
from support.processes import descendants

SCRIPTS = Path(__file__).parents[2] / "scripts"
KILLS = 10
MANY_KILLS = 100
RATE = 250
"""Requests a second, so that a crawl of the manual takes several commits."""


def crawl_under(prefix: Sequence[object], run: Path, *arguments: object) -> Run:
    """Crawl into ``run``; ``prefix`` is a program that takes something away from the next."""
    done = subprocess.run(
        [*map(str, prefix), *command("crawl", "--run", run, *arguments)],
        cwd=run.parent,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return Run(done, run)


def said(run: Run, *words: str) -> None:
    """It ended with 1 and a clear message, no more."""
    assert run.code == 1, run.err
    message = run.err.splitlines()[-1]
    assert message.startswith("crawler: ")
    for word in words:
        assert word in message, run.err
    assert "Traceback" not in run.err
    assert "exception" not in run.err


# disks


def files_up_to(size: int) -> list[str]:
    """No file may grow past ``size`` bytes, which is what a disk that is full looks like."""
    return ["prlimit", f"--fsize={size}:{size}"]


@pytest.mark.promise("P37")
def test_an_output_that_cannot_grow_is_resumable(
    crawl: Crawl, serve: Serve, tmp_path: Path
) -> None:
    site = Site(serve, text="x" * 3000)
    (tmp_path / "list").write_text(site.lines)
    limit = files_up_to(120_000)
    full = crawl_under(limit, tmp_path / "run", "--html", tmp_path / "list")
    said(full, "pages.jsonl: File too large")
    said(crawl_under(limit, tmp_path / "run", "--resume"), "pages.jsonl: File too large")
    whole(crawl("--resume"), site)


@pytest.mark.promise("P37")
def test_a_state_that_cannot_grow_is_resumable(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = Site(serve, 300, query="?" + "x" * 1500)
    (tmp_path / "list").write_text(site.lines)
    limit = files_up_to(250_000)
    # Slowly, so that the list has filled the state before the pages have filled their file.
    slow = ("--delay", "0.05", tmp_path / "list")
    said(crawl_under(limit, tmp_path / "run", *slow), "state.db: disk")
    said(crawl_under(limit, tmp_path / "run", "--resume"), "state.db: disk")
    whole(crawl("--resume", "--delay", "0"), site)


@pytest.mark.promise("P37")
def test_a_read_only_directory_is_reported(serve: Serve, tmp_path: Path) -> None:
    site = Site(serve)
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(0o555)
    # Root may write everywhere, unless that right is taken away.
    root = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if not os.geteuid() else []
    run = crawl_under(root, tmp_path / "closed" / "run", site.server.url("/0"))
    said(run, "closed/run", "Permission denied")
    assert not list((tmp_path / "closed").iterdir())
    assert not site.server.seen


# descriptors


@pytest.mark.promise("P40")
@pytest.mark.parametrize("engine", ["curl", "aiohttp", "threads"])
def test_few_descriptors_lower_the_concurrency(serve: Serve, tmp_path: Path, engine: str) -> None:
    site = Site(serve, 300, latency=0.02)
    (tmp_path / "list").write_text(site.lines)
    flags = ("--engine", engine, "--concurrency", "100", "--retries", "0", tmp_path / "list")
    run = crawl_under(["prlimit", "--nofile=64:64"], tmp_path / "run", *flags)
    assert run.code == 0, run.err
    whole(run, site)
    assert run.report["concurrency"] < 32, "the report says what was used"


# kills


@pytest.mark.promise("P34")
def test_a_killed_parse_worker_costs_no_page(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = Site(serve, 300, latency=0.02)
    (tmp_path / "list").write_text(site.lines)
    process = start(tmp_path, "--concurrency", "4", tmp_path / "list")
    for requests in (20, 60, 120):
        wait_for_requests(site.server, requests)
        os.kill(descendants(process.pid)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    whole(crawl("--resume"), site)


@pytest.mark.promise("P34", "P35")
def test_a_killed_crawler_loses_nothing(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = Site(serve)
    site.silent = True
    (tmp_path / "list").write_text(site.lines)
    process = subprocess.Popen(
        command("crawl", "--quiet", "--run", tmp_path / "run", tmp_path / "list"),
        cwd=tmp_path,
        env=environment(),
        start_new_session=True,
    )
    wait_for_requests(site.server, 1 + site.open)
    until = time.monotonic() + 30
    while not (tmp_path / "run" / "pages.jsonl").stat().st_size:
        assert time.monotonic() < until
        time.sleep(0.01)
    process.kill()
    process.wait()
    site.silent = False
    # At once, while what the killed one started may still be there.
    whole(crawl("--resume"), site)
    wait_for_end_of_session(process.pid)


@pytest.fixture
def manual(tmp_path: Path) -> Iterator[Nginx]:
    with Nginx(tmp_path / "nginx", Path(needs.docs() or "")) as site:
        yield site


@pytest.mark.promise("P35")
@pytest.mark.nginx
@pytest.mark.docs
def test_ten_kills_lose_and_repeat_nothing(manual: Nginx, tmp_path: Path) -> None:
    crawling = command("crawl", "--quiet", "--follow", "--rate", RATE, manual.url("index.html"))
    env = inherit(PYTHONWARNINGS="error")
    began = time.monotonic()
    assert crawl_killed(crawling, tmp_path / "whole", [], env) == []
    took = time.monotonic() - began
    kept = crawl_killed(crawling, tmp_path / "killed", moments(KILLS, took, seed=35), env)
    assert any(kept), "no kill hit a crawl of which a part was committed"
    assert difference(tmp_path / "killed", tmp_path / "whole") == ""


@pytest.mark.promise("P35")
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.nginx
@pytest.mark.docs
def test_a_hundred_kills_lose_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-P", SCRIPTS / "killing.py", "--kills", str(MANY_KILLS)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert f"{MANY_KILLS} kills, 0 crawls came out otherwise" in done.stdout
