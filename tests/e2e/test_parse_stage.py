"""The parse stage of whole crawls: suspended machines, little memory, killed parents, own pools."""

import json
import multiprocessing
import os
import random
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Run, Serve, command, environment, html
from e2e.test_signals import start, wait_for_requests
from support.executors import WATCHED
from support.processes import descendants

import crawler
from crawler.localweb.server import Server
from crawler.sinks.base import Sink
from crawler.sinks.jsonl import JsonlEncoder

MARKED = ("--parser", "support.parsers:marked")
watched = pytest.mark.parametrize("parse", WATCHED)


def listed(serve: Serve, texts: Sequence[str], latency: float = 0.0) -> tuple[Server, str]:
    """A site with a page for each text, and the list of their URLs."""
    pages = {
        f"/{n}": html(f"<title>{n}</title>{text}", latency=latency) for n, text in enumerate(texts)
    }
    site = serve(pages)
    return site, "\n".join(site.url(f"/{n}") for n in range(len(texts)))


def numbers(run: Run) -> set[int]:
    return {int(url.rpartition("/")[2]) for url in run.pages}


def parsing(pid: int) -> list[int]:
    """The parse processes of a crawl that was started with ``process``: its grandchildren."""
    return [each for each in descendants(pid) if _parent(each) != pid]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


# Harmful pages

HARM = {
    "kill me": "signal SIGKILL",
    "match me": "longer than 2 s of CPU time",
    "bloat me": "MemoryError",
    "<div>" * 200_000: "longer than 2 s of CPU time",
    "sleep for me": "longer than 8 s (4 times --parse-timeout)",
}


@pytest.mark.promise("P33")
@watched
def test_each_harmful_page_fails_with_its_cause_and_no_other(
    crawl: Crawl, serve: Serve, parse: str
) -> None:
    harm = dict(zip(range(20, 200, 40), HARM, strict=True))
    _, lines = listed(serve, [harm.get(n, "") for n in range(200)])
    began = time.monotonic()
    run = crawl(
        *("--parse", parse, "--parse-timeout", 2, "--workers", 2, "--delay", 0, *MARKED),
        lines=lines,
    )
    took = time.monotonic() - began
    assert run.code == 0, run.err
    assert numbers(run) == set(range(200)) - set(harm)
    failed = {int(url.rpartition("/")[2]): each for url, each in run.failures.items()}
    assert set(failed) == set(harm)
    for number, text in harm.items():
        assert failed[number]["error"] == "parse"
        assert HARM[text] in failed[number]["message"]
    assert run.report["lost_workers"] >= 4
    assert re.search(r"Workers +\d+ parse workers died and were replaced", run.err)
    assert "Traceback" not in run.err
    assert took < 30, "12 s on a machine that does nothing else"


class Arrivals:
    """A writer that remembers when the last pages came."""

    can_cut = False

    def __init__(self) -> None:
        self.last = 0.0

    def append(self, chunk: bytes) -> None:
        self.last = time.monotonic()

    def commit(self) -> int:
        return 0

    def cut(self, offset: int) -> None:
        raise NotImplementedError

    def close(self) -> None:
        pass


@pytest.mark.long
@pytest.mark.promise("P66")
@watched
def test_twenty_hanging_pages_delay_the_others_by_two_deadlines_at_most(
    serve: Serve, tmp_path: Path, parse: str
) -> None:
    """The hanging pages are those of one host, the good ones those of another."""
    timeout = 5.0
    _, good = listed(serve, [""] * 2000)

    def last_good(text: str) -> float:
        urls = good.splitlines()
        _, bad = listed(serve, [text] * 20)
        for number, url in enumerate(bad.splitlines()):
            urls.insert(100 * number, url)
        arrivals = Arrivals()
        began = time.monotonic()
        crawler.crawl(
            urls,
            run=tmp_path / f"run{text}",
            parse=parse,
            parse_timeout=timeout,
            parser="support.parsers:marked",
            workers=2,
            out=[Sink("arrivals", JsonlEncoder(), arrivals)],
        )
        return arrivals.last - began

    usual = last_good("")
    assert last_good("hang me") - usual < 2 * timeout


# Time that does not count


@pytest.mark.promise("P50")
@watched
@pytest.mark.parametrize("whom", ["all", "workers"])
def test_a_suspended_machine_costs_no_page(
    serve: Serve, tmp_path: Path, parse: str, whom: str
) -> None:
    """Stopped for three seconds, which is more than four times the deadline."""
    _, lines = listed(serve, ["burn for me" if n % 10 == 0 else "" for n in range(200)], 0.01)
    (tmp_path / "list").write_text(lines)
    flags = ("--parse", parse, "--parse-timeout", "0.6", "--workers", "2", "--delay", "0")
    process = start(tmp_path, *flags, *MARKED, tmp_path / "list")
    wait_until(lambda: _lines(tmp_path / "run" / "pages.jsonl") >= 20)
    found = parsing(process.pid) if parse == "process" else descendants(process.pid)
    stopped = [process.pid, *found] if whom == "all" else found
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    select.select([], [], [], 3.0)  # this is what is tested: time that passes
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert (tmp_path / "run" / "failures.jsonl").read_text() == ""
    assert _lines(tmp_path / "run" / "pages.jsonl") == 200


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.promise("P50")
def test_a_core_that_others_use_costs_no_page(crawl: Crawl, serve: Serve) -> None:
    """Pages of 0.3 s of CPU, on a core that ten others want: more than four deadlines each."""
    _, lines = listed(serve, ["burn for me"] * 3)
    core = min(os.sched_getaffinity(0))
    spin = f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
    others = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(10)]
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {core})
        run = crawl("--parse-timeout", 0.5, "--workers", 1, *MARKED, lines=lines)
    finally:
        os.sched_setaffinity(0, before)
        for other in others:
            other.kill()
            other.wait()
    assert run.code == 0, run.err
    assert numbers(run) == {0, 1, 2}, run.failures


# Signals


@pytest.mark.promise("P34", "P68")
@watched
@pytest.mark.parametrize("text", ["match me", "sleep for me"])
def test_a_worker_at_a_page_ends_with_its_parent(
    serve: Serve, tmp_path: Path, parse: str, text: str
) -> None:
    _, lines = listed(serve, [text])
    (tmp_path / "list").write_text(lines)
    begun = tmp_path / "begun"
    process = subprocess.Popen(
        command(
            *("crawl", "--quiet", "--run", tmp_path / "run", "--parse", parse),
            *("--parse-timeout", "86400", "--parser", "support.parsers:noted", tmp_path / "list"),
        ),
        cwd=tmp_path,
        env=environment() | {"BEGUN": str(begun)},
        stderr=subprocess.DEVNULL,
    )
    wait_until(begun.exists)
    watches = [os.pidfd_open(each) for each in descendants(process.pid)]
    assert len(watches) >= 3
    process.kill()
    process.wait()
    _all_end(watches, 2.0)


@pytest.mark.long
@pytest.mark.promise("P34", "P68")
@watched
def test_fifty_killed_parents_leave_no_process(serve: Serve, tmp_path: Path, parse: str) -> None:
    texts = ["sleep for me", "match me", *("x" * 20_000 for _ in range(300))]
    _, lines = listed(serve, texts, latency=0.002)
    (tmp_path / "list").write_text(lines)
    moments = random.Random(7)
    for number in range(50):
        process = subprocess.Popen(
            command(
                *("crawl", "--quiet", "--run", tmp_path / f"run{number}", "--parse", parse),
                *("--parse-timeout", "86400", "--delay", "0", *MARKED, tmp_path / "list"),
            ),
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        select.select([], [], [], moments.uniform(0.0, 1.5))  # a moment at random
        watches = [os.pidfd_open(each) for each in descendants(process.pid)]
        process.kill()
        process.wait()
        _all_end(watches, 2.0)


def _all_end(watches: Sequence[int], seconds: float) -> None:
    until = time.monotonic() + seconds
    for watch in watches:
        left = max(0.0, until - time.monotonic())
        assert select.select([watch], [], [], left)[0], f"alive after {seconds:g} s"
        os.close(watch)


@pytest.mark.promise("P36")
@watched
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_finishes_what_is_in_flight(
    serve: Serve, tmp_path: Path, parse: str, number: signal.Signals
) -> None:
    """Ctrl-C and timeout(1) signal the whole group."""
    site, lines = listed(serve, ["x"] * 100, latency=0.2)
    (tmp_path / "list").write_text(lines)
    process = subprocess.Popen(
        command(
            *("crawl", "--run", tmp_path / "run", "--parse", parse, "--concurrency", "4"),
            *("--no-robots", "--delay", "0", tmp_path / "list"),
        ),
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for_requests(site, 8)
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["urls"]["done"] == len(site.seen) == _lines(tmp_path / "run" / "pages.jsonl")
    assert report["urls"]["failed"] == report["lost_workers"] == 0


# Little memory


@pytest.mark.promise("P67")
@pytest.mark.parametrize("parse", ["process", "loky", "thread", "inline"])
@pytest.mark.parametrize("limit", ["--as=400000000", "--data=150000000", "--data=100000000"])
def test_a_crawl_works_with_little_memory(
    serve: Serve, tmp_path: Path, limit: str, parse: str
) -> None:
    _, lines = listed(serve, ["x" * 10_000] * 100)
    (tmp_path / "list").write_text(lines)
    done = _limited(limit, tmp_path, "--parse", parse)
    assert done.returncode == 0, done.stderr
    assert _lines(tmp_path / "run" / "pages.jsonl") == 100


@pytest.mark.promise("P67")
@pytest.mark.parametrize("limit", ["--as=60000000", "--data=20000000"])
def test_too_little_memory_is_said_in_one_sentence(
    serve: Serve, tmp_path: Path, limit: str
) -> None:
    _, lines = listed(serve, ["x"] * 10)
    (tmp_path / "list").write_text(lines)
    done = _limited(limit, tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(r"crawler: .*(memory|Cannot allocate).*\n", done.stderr), done.stderr


@pytest.mark.promise("P67")
def test_a_lower_limit_of_data_is_named_and_kept(serve: Serve, tmp_path: Path) -> None:
    _, lines = listed(serve, ["", "<div>hoard for me", ""])
    (tmp_path / "list").write_text(lines)
    parser = ("--parser", "support.parsers:hoarding")
    done = _limited("--data=500000000", tmp_path, *parser, "--workers", "1")
    assert done.returncode == 0, done.stderr
    failure = json.loads((tmp_path / "run" / "failures.jsonl").read_text())
    assert failure["url"].endswith("/1")
    assert "more memory than a parse process may have (500 MB)" in failure["message"]
    assert _lines(tmp_path / "run" / "pages.jsonl") == 2


def _limited(limit: str, tmp_path: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *("prlimit", limit),
            *command("crawl", "--quiet", "--delay", "0", "--run", tmp_path / "run", *flags),
            str(tmp_path / "list"),
        ],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# Beside other uses of processes

OWN_FORKSERVER = """
import multiprocessing, os, sys
print("imported", __name__, flush=True)
import crawler

def square(x):
    return x * x

if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["json"])
    with context.Pool(2) as pool:
        assert pool.map(square, [2, 3]) == [4, 9]
        report = crawler.crawl([sys.argv[1]], run=sys.argv[2], parse=sys.argv[3], robots=False)
        assert report.urls.done == 1, report
        assert pool.map(square, [4]) == [16]
"""


@watched
def test_a_script_may_use_a_fork_server_of_its_own(
    serve: Serve, tmp_path: Path, parse: str
) -> None:
    site, _ = listed(serve, ["x"])
    (tmp_path / "script.py").write_text(OWN_FORKSERVER)
    done = subprocess.run(
        [sys.executable, "script.py", site.url("/0"), str(tmp_path / "run"), parse],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    # Its own two workers import it, as always; ours do not.
    assert done.stdout.count("__mp_main__") == 2
    assert done.stdout.count("__main__") == 1


@watched
def test_a_daemonic_process_is_refused_in_words(serve: Serve, tmp_path: Path, parse: str) -> None:
    site, _ = listed(serve, ["x"])
    process = multiprocessing.get_context("spawn").Process(
        target=_crawl_and_say, args=(site.url("/0"), tmp_path, parse), daemon=True
    )
    process.start()
    process.join(30)
    assert (tmp_path / "said").read_text() == (
        "a daemonic process cannot have parse processes: use --parse thread or inline, or crawl in "
        "a process that is not daemonic"
    )
    assert not (tmp_path / "run").exists()


def _crawl_and_say(url: str, tmp_path: Path, parse: str) -> None:
    try:
        crawler.crawl([url], run=tmp_path / "run", parse=parse, robots=False)
    except crawler.UsageError as error:
        (tmp_path / "said").write_text(str(error))


POOLS: dict[str, Callable[[], Executor]] = {
    "threads": lambda: ThreadPoolExecutor(3),
    "processes": lambda: ProcessPoolExecutor(2, multiprocessing.get_context("spawn")),
}


@pytest.mark.parametrize("pool", POOLS)
def test_an_executor_of_ones_own_parses(serve: Serve, tmp_path: Path, pool: str) -> None:
    _site, lines = listed(serve, [f"text {n}" for n in range(50)])
    with POOLS[pool]() as own:
        report = crawler.crawl(
            lines.splitlines(), run=tmp_path / "run", parse=own, workers=2, robots=False
        )
        assert own.submit(abs, -1).result() == 1, "it was not shut down"
    assert report.urls.done == 50
    name = type(own).__name__
    assert f'parse = "<executor {name}>"' in (tmp_path / "run" / "settings.toml").read_text()


def test_a_broken_executor_ends_the_crawl_and_loses_nothing(serve: Serve, tmp_path: Path) -> None:
    _, lines = listed(serve, ["kill me", *[""] * 20])
    options = {"run": tmp_path / "run", "parser": "support.parsers:marked"}
    own = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    with own, pytest.raises(crawler.StateError, match=r"ProcessPoolExecutor: BrokenProcessPool"):
        crawler.crawl(lines.splitlines(), parse=own, **options)
    report = crawler.crawl(lines.splitlines(), resume=True, parse="process", **options)
    assert (report.urls.done, report.urls.failed) == (20, 1)
