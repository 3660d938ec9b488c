"""What an operator has of a crawl: its log, its figures while it runs, and its status."""

import json
import logging
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
from e2e.conftest import Crawl, Run, Serve, balanced, command, environment, html

import crawler
from crawler.localweb.server import SILENCE, Answer, Server

T = TypeVar("T")
SECRET = "s3cr3t"
DONE = 'crawler_entries{state="done"}'


def until(look: Callable[[], T], holds: Callable[[T], bool]) -> T:
    """What ``look`` gives once it ``holds``."""
    deadline = time.monotonic() + 30
    while not holds(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def figures(url: str) -> dict[str, float]:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as got:
        lines = got.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def status(directory: Path) -> dict[str, Any]:
    done = subprocess.run(
        command("status", directory, "--json"),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert not done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


class Running(NamedTuple):
    """A crawl under way: its process, its run directory, its site, and the URL of its figures."""

    process: "subprocess.Popen[str]"
    run: Path
    site: Server
    metrics: str


@pytest.fixture
def running(serve: Serve, tmp_path: Path) -> Iterator[Running]:
    """29 pages are done, one is missing, and one has no answer, which keeps the crawl going."""
    pages = {f"/{n}": html("x") for n in range(29)}
    site = serve({**pages, "/never": Answer(script=(SILENCE,))})
    (tmp_path / "list").write_text("\n".join(map(site.url, ["/never", "/missing", *pages])))
    run = tmp_path / "run"
    asked = ("crawl", "--run", run, "--no-robots", "--metrics-port", 0, tmp_path / "list")
    with subprocess.Popen(
        command(*asked), cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/metrics", process.stderr.readline())
        assert found is not None
        until(lambda: figures(found[0]), lambda seen: seen[DONE] == len(pages))
        yield Running(process, run, site, found[0])
        if process.poll() is None:
            stop(process)


def stop(process: "subprocess.Popen[str]") -> None:
    """Interrupt it twice, which ends it although one page has no answer."""
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    process.stderr.readline()
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)


def test_prometheus_shows_the_figures_of_a_running_crawl(running: Running) -> None:
    seen = figures(running.metrics)
    assert seen[DONE] == 29
    assert seen['crawler_entries{state="pending"}'] == 1
    assert seen['crawler_failures_total{kind="status"}'] == 1
    assert seen['crawler_responses_total{class="2xx"}'] == 29
    assert seen['crawler_responses_total{class="4xx"}'] == 1
    assert seen["crawler_requests_in_flight"] == 1
    assert seen["crawler_slots"] == 64
    assert seen["crawler_resident_memory_bytes"] > 20e6
    assert seen["crawler_last_commit_timestamp_seconds"] == pytest.approx(time.time(), abs=60)


def test_status_describes_a_running_crawl(running: Running) -> None:
    found = until(lambda: status(running.run), lambda found: found["urls"]["done"] == 29)
    assert (found["running"], found["process"]) == (True, running.process.pid)
    assert found["hosts"] == {"127.0.0.1": 1}
    assert found["errors"] == {"status": 1}
    assert balanced(found["urls"])


def progress(run: Path) -> dict[str, Any]:
    found = json.loads((run / "progress.json").read_bytes())
    assert isinstance(found, dict)
    return found


def test_programs_can_watch_a_running_crawl(running: Running) -> None:
    found = until(lambda: progress(running.run), lambda found: found["urls"]["done"] == 29)
    assert balanced(found["urls"])
    assert found["session"]["process"] == running.process.pid
    assert found["slots"] == {"used": 1, "most": 64}
    assert [each["error"] for each in found["failures"]] == ["status"]
    assert found["failures"][0]["url"] == running.site.url("/missing")
    first = found["time"]
    until(lambda: progress(running.run), lambda found: found["time"] > first)
    assert status(running.run)["progress"]["session"] == found["session"]


@pytest.mark.promise("P73")
def test_the_figures_move_while_the_run_is_blocked(serve: Serve, tmp_path: Path) -> None:
    """Standard output is a pipe that is never read."""
    site = serve({f"/{n}": html("x" * 50_000) for n in range(400)})
    (tmp_path / "list").write_text("\n".join(site.url(f"/{n}") for n in range(400)))
    options = ("--out", "-", "--html", "--memory", "1MB", "--metrics-port", 0, "--no-robots")
    run = tmp_path / "run"
    with subprocess.Popen(
        command("crawl", "--run", run, *options, "--per-host", 64, "--delay", 0, tmp_path / "list"),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            found = re.search(r"http://127\.0\.0\.1:\d+/metrics", process.stderr.readline())
            assert found is not None
            blocked = 'crawler_fetch_thread_seconds_total{state="backpressure"}'
            seen = until(lambda: figures(found[0]), lambda seen: seen[blocked] > 1)
            assert seen["crawler_output_waiting_bytes"] > 0
            done = seen[DONE]
            moved = until(lambda: figures(found[0]), lambda now: now[blocked] > seen[blocked] + 1)
            assert moved[DONE] == done < 400
            time_of_file = progress(run)["time"]
            until(lambda: progress(run), lambda found: found["time"] > time_of_file)
        finally:
            process.kill()


@pytest.mark.promise("P22")
def test_status_and_report_name_the_hosts_that_rest(serve: Serve, tmp_path: Path) -> None:
    busy = Answer(503, headers=(("Retry-After", "200"),))
    site = serve({"/": busy})
    run = tmp_path / "run"
    with subprocess.Popen(
        command("crawl", "--run", run, "--no-robots", site.url("/")),
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until(
            lambda: run.exists() and status(run)["progress"], lambda seen: seen and seen["resting"]
        )
        shown = subprocess.run(
            command("status", run), env=environment(), capture_output=True, text=True, check=True
        )
        assert re.search(r"Resting +127\.0\.0\.1\S* since \S+ \S+ UTC\s+\(status 503", shown.stdout)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Resting" in err
    (resting,) = json.loads((run / "report.json").read_bytes())["resting"]
    assert resting["why"] == "status 503 with Retry-After"
    assert "Resting hosts" in (run / "report.html").read_text()


def test_status_of_a_stopped_crawl_says_how_to_resume(running: Running) -> None:
    until(lambda: status(running.run), lambda found: found["urls"]["done"] == 29)
    stop(running.process)
    assert running.process.returncode == 130
    with pytest.raises(urllib.error.URLError):
        figures(running.metrics)
    found = status(running.run)
    assert (found["running"], found["process"]) == (False, None)
    assert found["urls"]["pending"] == 1
    assert found["resume"] == f"crawler crawl --run {running.run} --resume"


def test_a_metrics_port_in_use_is_refused(crawl: Crawl, serve: Serve) -> None:
    site = serve({"/": html("x")})
    run = crawl("--metrics-port", site.port, site.url("/"))
    assert (run.code, run.err) == (
        2,
        f"crawler: --metrics-port {site.port}: Address already in use\n",
    )
    assert not run.directory.exists()
    assert not site.seen


# logs


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Each line by itself is a record."""
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_each_log_line_is_json(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = serve({"/": html("x"), "/moved": Answer(302, headers=(("Location", "/"),))})
    lines = "\n".join((site.url("/"), site.url("/moved"), site.url("/missing"), "no URL"))
    path = tmp_path / "log"
    run = crawl("--log", "debug", "--log-json", "--log-file", path, lines=lines)
    assert "{" not in run.err
    records = lines_of(path)
    assert all(set(each) > {"time", "level", "logger", "message"} for each in records)
    first, last = records[0], records[-1]
    assert first["settings"]["engine"] == "curl"
    assert (first["run"], first["resumed"]) == (str(run.directory), False)
    assert {name: last[name] for name in ("done", "failed", "skipped", "pending")} == {
        "done": 2,
        "failed": 2,
        "skipped": 0,
        "pending": 0,
    }
    failed = {each["url"]: each for each in records if each["logger"] == "crawler.entries"}
    assert failed[site.url("/missing")]["status"] == 404
    assert failed[site.url("/missing")]["host"] == f"127.0.0.1:{site.port}"
    assert failed["no URL"]["error"] == "url"
    asked = [each["url"] for each in records if each["logger"] == "crawler.requests"]
    assert sorted(asked) == sorted(site.url(seen.target) for seen in site.seen)


@pytest.mark.parametrize(
    ("given", "logged"), [((), False), (("--log", "info"), True), (("--log", "warning"), False)]
)
def test_only_the_requested_level_is_logged(
    crawl: Crawl, serve: Serve, given: tuple[str, ...], logged: bool
) -> None:
    site = serve({})
    run = crawl("--no-robots", *given, site.url("/missing"))
    assert (f"crawler.entries: {site.url('/missing')}: failed: status" in run.err) is logged
    assert "crawler.requests" not in run.err


@pytest.mark.promise("P05", "P17")
@pytest.mark.parametrize("form", [("--log-json",), ()])
def test_a_log_has_no_secret_and_nothing_raw(
    crawl: Crawl, serve: Serve, tmp_path: Path, form: tuple[str, ...]
) -> None:
    other = serve({"/": html("x")}, addresses=("127.0.0.5",))
    away = other.url("/").replace("//", f"//me:{SECRET}@")
    site = serve(
        {
            "/": html(
                "x",
            ),
            "/away": Answer(302, headers=(("Location", away),)),
            "/raw": Answer(302, headers=(("Location", "ftp://a/\x1b[2J\x07"),)),
            "/cookie": Answer(500, headers=(("Set-Cookie", f"id={SECRET}"),)),
        }
    )
    mine = site.url("/").replace("//", f"//me:{SECRET}@")
    paths = map(site.url, ("/away", "/raw", "/cookie", "/missing"))
    bad = (f"http://me:{SECRET}@[::1", f"ftp://me:{SECRET}@a/", "\x1b[2J\x07\u202e")
    path = tmp_path / "log"
    run = crawl(
        *("--log", "debug", "--log-file", path, "--retries", "1", "--cookies", *form),
        *("--header", f"Authorization: Bearer {SECRET}", "--auth", f"127.0.0.5=me:{SECRET}"),
        *("--header", f"Cookie: own={SECRET}", "--allow-private", "127.0.0.0/8"),
        lines="\n".join((mine, *paths, *bad)),
    )
    assert run.code == 0, run.err
    assert len(site.seen) >= 6
    text = path.read_text("utf-8")
    assert site.url("/raw") in text
    for each in (text, run.err, run.out):
        assert SECRET not in each
        assert all(c.isprintable() or c == "\n" for c in each)


@pytest.mark.promise("P37")
def test_a_log_on_a_full_disk_is_resumable(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = serve({f"/{n}": html("x", latency=0.05) for n in range(40)})
    lines = "\n".join(site.url(f"/{n}") for n in range(40))
    full = ("--log", "debug", "--log-file", "/dev/full", "--concurrency", "2")
    run = crawl(*full, lines=lines)
    assert run.code == 1
    assert run.err.endswith("crawler: /dev/full: No space left on device\n")
    assert "Traceback" not in run.err
    assert len(site.seen) < 40
    again = resumed(tmp_path, "--log-file", tmp_path / "log")
    assert again.code == 0, again.err
    assert len(again.pages) == 40
    assert "run resumed in" in (tmp_path / "log").read_text()


@pytest.mark.promise("P37")
def test_a_log_that_breaks_ends_the_crawl(serve: Serve, tmp_path: Path) -> None:
    """Whoever read it goes away; one page without an answer would keep the crawl going."""
    pages = {f"/{n}": html("x", latency=0.1) for n in range(40)}
    site = serve({**pages, "/never": Answer(script=(SILENCE,))})
    (tmp_path / "list").write_text("\n".join(map(site.url, ["/never", *pages])))
    log = tmp_path / "log"
    os.mkfifo(log)
    given = ("--run", tmp_path / "run", "--no-robots", "--concurrency", 2, "--log", "debug")
    with subprocess.Popen(
        command("crawl", *given, "--log-file", log, tmp_path / "list"),
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        with log.open() as reader:
            until(reader.readline, lambda line: site.url("/0") in line)
        _, err = process.communicate(timeout=25)
    assert process.returncode == 1
    assert err == f"crawler: {log}: Broken pipe\n"
    found = status(tmp_path / "run")
    assert found["urls"]["pending"] > 0
    assert balanced(found["urls"])


def resumed(tmp_path: Path, *given: object) -> Run:
    done = subprocess.run(
        command("crawl", "--run", tmp_path / "run", "--resume", *given),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Run(done, tmp_path / "run")


@pytest.mark.promise("P37")
def test_a_log_that_cannot_open_ends_with_1(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = serve({"/": html("x")})
    path = tmp_path / "no" / "log"
    run = crawl("--log-file", path, site.url("/"))
    assert (run.code, run.err) == (1, f"crawler: {path}: No such file or directory\n")


def test_the_calling_program_keeps_its_own_logging(
    serve: Serve,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    site = serve({})
    caplog.set_level(logging.INFO, "crawler")
    crawler.crawl([site.url("/x")], run=tmp_path / "run", robots=False)
    assert [record.name for record in caplog.records] == [
        "crawler.run",
        "crawler.entries",
        "crawler.run",
    ]
    assert capsys.readouterr().err == ""


def test_the_calling_program_may_request_a_log(serve: Serve, tmp_path: Path) -> None:
    site = serve({})
    path = tmp_path / "log"
    run = tmp_path / "run"
    crawler.crawl([site.url("/x")], run=run, robots=False, log="info", log_json=True, log_file=path)
    assert [each["logger"] for each in lines_of(path)] == [
        "crawler.run",
        "crawler.entries",
        "crawler.run",
    ]
    assert not logging.getLogger("crawler").handlers
