"""The parse stage of whole crawls: suspended machines, little memory, killed parents, own pools."""

import json
import multiprocessing
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Run, Serve, command, ended, html
from support.executors import WATCHED

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


def line_count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


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
@pytest.mark.timeout(300)
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
    assert line_count(tmp_path / "run" / "pages.jsonl") == 100


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
    assert line_count(tmp_path / "run" / "pages.jsonl") == 2


def _limited(limit: str, tmp_path: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return ended(
        [
            *("prlimit", limit),
            *command("crawl", "--quiet", "--delay", "0", "--run", tmp_path / "run", *flags),
            str(tmp_path / "list"),
        ],
        tmp_path,
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
    done = ended(
        [sys.executable, "script.py", site.url("/0"), str(tmp_path / "run"), parse], tmp_path
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


ANOTHER_COPY = """
import sys
sys.path.insert(0, {copy!r})
import crawler
assert crawler.__file__.startswith({copy!r})
crawler.crawl([{url!r}], run={run!r}, parse={parse!r}, robots=False)
"""


@watched
def test_workers_import_the_same_copy_of_the_package(
    serve: Serve, tmp_path: Path, parse: str
) -> None:
    """A script may have put another copy first, such as that of its own vendored packages."""
    site, _ = listed(serve, ["x"])
    copy = tmp_path / "vendored"
    shutil.copytree(Path(crawler.__file__).parent, copy / "crawler")
    facts = copy / "crawler" / "parsing" / "facts.py"
    facts.write_text(facts.read_text() + "\nprint('the copy parses')\n")
    script = ANOTHER_COPY.format(
        copy=str(copy), url=site.url("/0"), run=str(tmp_path / "run"), parse=parse
    )
    done = ended([sys.executable, "-c", script], tmp_path)
    assert done.returncode == 0, done.stderr
    assert line_count(tmp_path / "run" / "pages.jsonl") == 1
    # Once in the program; with ``process`` once in the fork server, else once in each worker.
    assert done.stdout.count("the copy parses") >= 2


@pytest.mark.promise("P72")
@pytest.mark.parametrize("parse", ["process", "thread"])
def test_a_parser_that_waits_is_named_as_the_limit(crawl: Crawl, serve: Serve, parse: str) -> None:
    _, lines = listed(serve, ["wait for me"] * 300)
    flags = ("--parse", parse, "--workers", 2, "--concurrency", 8, "--delay", 0)
    run = crawl(*flags, *MARKED, lines=lines)
    assert run.code == 0, run.err
    limit = run.report["limited_by"]
    assert limit["what"] == "parse", limit
    assert "computed only" in limit["says"]
    assert "more --workers than there are cores" in limit["change"]
