"""Whatever ended a crawl, ``--resume`` goes on with it: nothing is lost, nothing there twice."""

import json
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Run, Serve, balanced, command, environment, html
from e2e.test_signals import start, wait_for_pages, wait_for_requests

from crawler.frontier.state.status import read_counts
from crawler.localweb.server import SILENCE, Answer, Seen, Server

PAGES = 60


class Site:
    """``count`` pages; while ``silent``, those past ``open`` are never answered."""

    def __init__(
        self,
        serve: Serve,
        count: int = PAGES,
        *,
        latency: float = 0.0,
        text: str = "",
        query: str = "",
    ) -> None:
        self.silent = False
        self.open = count // 2
        self.paths = [f"/{number}{query}" for number in range(count)]
        answers = dict.fromkeys(self.paths, self._answer)
        self.server: Server = serve({"/robots.txt": Answer(404), **answers})
        self._latency, self._text = latency, text

    def _answer(self, seen: Seen) -> Answer:
        if self.silent and self.paths.index(seen.target) >= self.open:
            return Answer(script=(SILENCE,))
        return html(f"<title>{seen.target[:9]}</title>{self._text}", latency=self._latency)

    @property
    def lines(self) -> str:
        return "".join(f"{self.server.url(path)}\n" for path in self.paths)

    @property
    def asked(self) -> Counter[str]:
        return Counter(seen.target for seen in self.server.seen)


def whole(run: Run, site: Site) -> None:
    """The run has every page once, and its accounts say so."""
    assert run.code == 0, run.err
    assert set(run.pages) == {site.server.url(path) for path in site.paths}
    urls = run.report["urls"]
    assert (urls["input"], urls["done"], urls["pending"]) == (len(site.paths),) * 2 + (0,)
    assert balanced(urls)


@pytest.mark.promise("P36")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_resume_crawls_only_what_a_signal_left(
    crawl: Crawl, serve: Serve, tmp_path: Path, number: signal.Signals
) -> None:
    site = Site(serve, latency=0.1)
    (tmp_path / "list").write_text(site.lines)
    process = start(tmp_path, "--concurrency", "4", tmp_path / "list")
    wait_for_requests(site.server, 10)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 130
    left = json.loads((tmp_path / "run" / "report.json").read_text())["urls"]["pending"]
    assert left > 0
    whole(crawl("--resume"), site)
    del site.asked["/robots.txt"]
    assert {site.asked[path] for path in site.paths} == {1}


@pytest.mark.promise("P36")
def test_a_crawl_interrupted_twice_can_be_resumed(
    crawl: Crawl, serve: Serve, tmp_path: Path
) -> None:
    site = Site(serve)
    site.silent = True
    (tmp_path / "list").write_text(site.lines)
    process = start(tmp_path, "--concurrency", "8", tmp_path / "list")
    wait_for_requests(site.server, 1 + site.open + 8)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "interrupt again" not in process.stderr.readline():
        pass
    pages = tmp_path / "run" / "pages.jsonl"
    wait_for_pages(pages, site.open)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130
    assert len(pages.read_text().splitlines()) == site.open
    site.silent = False
    whole(crawl("--resume"), site)


def test_resuming_a_finished_run_does_nothing(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = Site(serve)
    first = crawl(lines=site.lines + site.server.url("/missing"))
    records = (tmp_path / "run" / "pages.jsonl").read_bytes()
    asked = len(site.server.seen)
    again = crawl("--resume")
    assert (again.code, len(site.server.seen)) == (0, asked), again.err
    assert (tmp_path / "run" / "pages.jsonl").read_bytes() == records
    assert again.report["urls"] == first.report["urls"]
    assert again.report["errors"] == {"status": 1}
    assert len(again.failures) == 1


@pytest.mark.parametrize("arguments", [["--resume"], ["--resume", "http://127.0.0.1:9/"]])
def test_a_missing_run_cannot_be_resumed(crawl: Crawl, arguments: list[str]) -> None:
    run = crawl(*arguments)
    assert run.code == 2
    assert "--resume: there is no run in" in run.err
    assert not run.directory.exists()


def test_an_existing_run_is_not_started_again(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = Site(serve)
    crawl(lines=site.lines)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    run = crawl(lines=site.lines)
    assert run.code == 2
    assert "use --resume to resume it" in run.err
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_resume_refuses_a_changed_list(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = Site(serve)
    crawl("--max-pages", "5", lines=site.lines)
    pages = (tmp_path / "run" / "pages.jsonl").read_bytes()
    (tmp_path / "list").write_text(site.lines + site.server.url("/more"))
    run = crawl("--resume", "--max-pages", "1000")
    assert run.code == 2
    assert "list: has changed since" in run.err
    assert (tmp_path / "run" / "pages.jsonl").read_bytes() == pages
    (tmp_path / "list").write_text(site.lines)
    whole(crawl("--resume", "--max-pages", "1000"), site)


def test_max_pages_is_exact_on_every_resume(crawl: Crawl, serve: Serve) -> None:
    site = Site(serve)
    assert len(crawl("--max-pages", "7", lines=site.lines).pages) == 7
    second = crawl("--resume", "--max-pages", "20")
    assert (second.code, len(second.pages)) == (0, 20)
    assert second.report["urls"]["done"] == 20
    assert balanced(second.report["urls"])
    same = crawl("--resume")
    assert (same.code, len(same.pages)) == (0, 20)
    whole(crawl("--resume", "--max-pages", "1000"), site)


def test_another_engine_may_resume_a_run(crawl: Crawl, serve: Serve) -> None:
    site = Site(serve)
    crawl("--max-pages", "20", "--engine", "aiohttp", lines=site.lines)
    flags = ("--concurrency", "3", "--max-pages", "40")
    assert len(crawl("--resume", "--engine", "threads", *flags).pages) == 40
    run = crawl("--resume", "--engine", "sequential", "--concurrency", "1", "--max-pages", "999")
    whole(run, site)
    assert run.report["engine"] == "sequential"
    assert crawl("--resume", "--follow").code == 2


@pytest.mark.promise("P35")
def test_resume_continues_every_output(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = Site(serve)
    out = tmp_path / "deep" / "mine.jsonl"
    first = crawl("--max-pages", "25", "--out", out, "--out", "-", lines=site.lines)
    assert first.code == 0, first.err
    with out.open("ab") as file:
        file.write(b'{"url": "torn')
    second = crawl("--resume", "--max-pages", "1000")
    assert second.code == 0, second.err
    urls = [json.loads(line)["url"] for line in out.read_text().splitlines()]
    assert sorted(urls) == sorted(site.server.url(path) for path in site.paths)
    printed = [json.loads(line)["url"] for line in (first.out + second.out).splitlines()]
    assert sorted(printed) == sorted(urls)
    assert not (tmp_path / "run" / "pages.jsonl").exists()


def test_resume_refuses_a_shortened_output(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = Site(serve)
    crawl("--max-pages", "25", lines=site.lines)
    (tmp_path / "run" / "pages.jsonl").write_text("{}\n")
    run = crawl("--resume", "--max-pages", "1000")
    assert run.code == 1
    assert "pages.jsonl: has 3 bytes, but" in run.err
    assert (tmp_path / "run" / "pages.jsonl").read_text() == "{}\n"


def test_table_columns_survive_a_resume(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = Site(serve)
    rows = [f'{site.server.url(path)},"name, {path}"' for path in site.paths]
    (tmp_path / "list.csv").write_text("\n".join(["url,name", *rows]))
    crawl("--max-pages", "11", "--concurrency", "2", tmp_path / "list.csv")
    run = crawl("--resume", "--max-pages", "1000")
    whole(run, site)
    assert {url: page["input"] for url, page in run.pages.items()} == {
        site.server.url(path): {"line": number, "name": f"name, {path}"}
        for number, path in enumerate(site.paths, start=2)
    }


def test_resume_keeps_the_depth_of_links(crawl: Crawl, serve: Serve) -> None:
    site = serve({
        "/robots.txt": Answer(404),
        "/": html("".join(f'<a href="/a{n}"></a>' for n in range(20))),
        **{f"/a{n}": html(f'<a href="/b{n}"></a><a href="/"></a>') for n in range(20)},
        **{f"/b{n}": html(f'<a href="/c{n}"></a>') for n in range(20)},
        **{f"/c{n}": html("too deep") for n in range(20)},
    })  # fmt: skip
    crawl("--follow", "--depth", "2", "--max-pages", "9", site.url("/"))
    run = crawl("--resume", "--max-pages", "1000")
    depths = Counter(page["depth"] for page in run.pages.values())
    assert depths == {0: 1, 1: 20, 2: 20}
    urls = run.report["urls"]
    assert (urls["input"], urls["discovered"]) == (1, 40)
    assert balanced(urls)


LINES = 200_000
MOST_MB = 12
"""As a million lines may cost 60 MB."""


def test_waiting_lines_cost_no_memory(serve: Serve, tmp_path: Path) -> None:
    """A host that is asked seldom, and meanwhile its whole list is read, onto the disk."""
    site = Site(serve)
    peaks = [read_all(tmp_path, site.server.url("/"), count) for count in (2000, LINES)]
    assert peaks[1] - peaks[0] < MOST_MB, peaks


def read_all(tmp_path: Path, url: str, count: int) -> float:
    """MB at most that the crawler took to read a list of ``count`` URLs."""
    (tmp_path / "list").write_text("".join(f"{url}{number}\n" for number in range(count)))
    run = tmp_path / f"{count}"
    flags = ("--run", run, "--per-host", "1", "--delay", "0.2", "--no-robots")
    process = subprocess.Popen(
        command("crawl", "--quiet", *flags, tmp_path / "list"), env=environment()
    )
    until = time.monotonic() + 60
    while not (run / "state.db").exists() or read_counts(run / "state.db")[0].taken < count:
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.05)
    status = Path(f"/proc/{process.pid}/status").read_text()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def test_resume_needs_the_secrets_again(crawl: Crawl, serve: Serve) -> None:
    site = Site(serve)
    auth = ("--auth", f"127.0.0.1:{site.server.port}=user:s3cret")
    crawl("--max-pages", "5", *auth, lines=site.lines)
    refused = crawl("--resume", "--max-pages", "1000")
    assert refused.code == 2
    assert "--auth must be given again" in refused.err
    whole(crawl("--resume", "--max-pages", "1000", *auth), site)
    assert "Authorization" in dict(site.server.seen[-1].headers)
