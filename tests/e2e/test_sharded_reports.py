"""What a sharded crawl says about itself is what one crawl of the same list says."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import Crawl, Serve, balanced, command, ended, environment, html

from crawler.localweb.server import Seen, Server

ADDRESSES = tuple(f"127.77.0.{number}" for number in range(1, 7))
SHARDED = ("--on", "local:2", "--shards", "5", "--slice", "5")
POLITE = ("--no-robots", "--retries", "0")
PAGES = 6


@pytest.fixture
def site(serve: Serve) -> Server:
    """Some pages on each of some hosts; some are missing."""
    pages = {f"/{n}": html(f"page {n} " + "x" * 99) for n in range(PAGES)}
    return serve(pages, addresses=ADDRESSES)


def listed(site: Server, pages: int = PAGES + 1) -> str:
    hosts = [f"http://{each}:{site.port}" for each in ADDRESSES]
    return "".join(f"{host}/{n}\n" for host in hosts for n in range(pages))


def status(run: Path) -> dict[str, Any]:
    found = json.loads(ended(command("status", run, "--json"), run.parent).stdout)
    assert isinstance(found, dict)
    return found


def test_the_report_is_that_of_one_crawl(crawl: Crawl, site: Server) -> None:
    options = (*POLITE, "--delay", "0")
    one = crawl(*options, lines=listed(site), name="one").report
    run = crawl(*options, *SHARDED, lines=listed(site), name="sharded")
    assert run.code == 0, run.err
    for name in ("urls", "bytes", "status", "errors", "skips"):
        assert run.report[name] == one[name], name
    assert run.report["connections"]["opened"] + run.report["connections"]["reused"] == 42
    shards = run.report["shards"]
    assert (shards["shards"], shards["killed"], shards["on_the_way"]) == (5, 0, 0)
    assert shards["sessions"] >= 2
    assert run.report["wall_s"] > 0 and run.report["pages_per_s"] > 0
    assert f"Shards    {shards['sessions']} sessions of 5 shards\n" in run.err
    page = (run.directory / "report.html").read_text()
    assert 'id="h-shards"' in page and "/6" in page
    found = status(run.directory)
    assert found["finished"] and found["urls"] == one["urls"]
    assert found["shards"]["finished"] == 5


def test_a_stopped_crawl_says_how_to_resume_and_its_report_goes_on(
    serve: Serve, tmp_path: Path
) -> None:
    """Every page but the first of each host has to wait."""
    answered = []

    def page(seen: Seen) -> Any:
        answered.append(seen.target)
        return html("x")

    site = serve({f"/{n}": page for n in range(4)}, addresses=ADDRESSES)
    (tmp_path / "list").write_text(listed(site, 4))
    run = tmp_path / "run"
    with subprocess.Popen(
        command("crawl", "--run", run, *POLITE, "--delay", "0.4", *SHARDED, tmp_path / "list"),
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while len(answered) < 3:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "stopped after" in err and "--resume" in err
    found = status(run)
    assert not found["finished"] and not found["running"]
    assert balanced(found["urls"])
    assert found["resume"] == f"crawler crawl --run {run} --resume --on local:2"
    before = json.loads((run / "report.json").read_bytes())
    resumed = ended(command(*found["resume"].split()[1:]), tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    after = json.loads((run / "report.json").read_bytes())
    assert after["urls"]["done"] == sum(after["status"].values()) == 24
    assert after["shards"]["sessions"] > before["shards"]["sessions"]
    assert after["cpu"]["fetch_s"] > before["cpu"]["fetch_s"]
    assert status(run)["finished"]


def test_a_crawl_that_was_stopped_before_its_first_url_has_a_report(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with subprocess.Popen(
        command("crawl", "--run", run, "--on", "local:1", "-"),
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not (run / "epoch").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    report = json.loads((run / "report.json").read_bytes())
    assert report["startup_s"] > 0
    assert (report["wall_s"], report["pages_per_s"], report["urls"]["input"]) == (0, 0, 0)
    assert ended(command("report", run), tmp_path).returncode == 0
