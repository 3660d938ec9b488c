"""Hosts and networks that are away for a while, over real sockets and without a mocked web.

The pauses between probes are shorter than in a run. A site comes back when the crawler has said
that it rests, so nothing depends on the speed of the machine.
"""

import logging
import signal
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pytest
from e2e.conftest import Run, Serve, balanced, command, ended, environment, html
from e2e.promises.conftest import GOOD

import crawler
from crawler.frontier import pace, patience
from crawler.localweb.server import RESET, SILENCE, Answer, Handler, Seen, Server
from crawler.metrics.report import Report
from crawler.model.errors import StateError

PAGE = html(GOOD)
LAST = Answer(headers=(*PAGE.headers, ("Connection", "close")), body=PAGE.body)
"""Its connection is not used again: a reset of a kept one is repeated without being an attempt."""
Crawled = Callable[..., Run]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(patience, "LONGEST_PAUSE", 0.2)


@pytest.fixture
def crawled(tmp_path: Path) -> Crawled:
    """Crawl these URLs with these options into the folder ``run``, and check the accounts."""

    def run(urls: list[str], **options: Any) -> Run:
        directory = tmp_path / "run"
        report: Report = crawler.crawl(
            urls, **{"run": directory, "parse": "inline", "timeout": 5.0} | options
        )
        found = Run(subprocess.CompletedProcess((), 0, "", ""), directory)
        assert balanced(found.report["urls"])
        assert report.urls.done == len(found.pages)
        return found

    return run


class Notices(logging.Handler):
    """What the crawler logs about hosts; ``rested`` is set when the first one rests."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.texts: list[str] = []
        self.given_up: list[float] = []
        self.rested = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())
        if "given up" in self.texts[-1]:
            self.given_up.append(record.facts["seconds"])  # type: ignore[attr-defined]
        if "does not answer" in self.texts[-1]:
            self.rested.set()


@pytest.fixture
def notices() -> Iterator[Notices]:
    handler, log = Notices(), logging.getLogger("crawler.hosts")
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.setLevel(before)
    log.removeHandler(handler)


class Flaky:
    """A site whose listener is closed after ``until`` requests, and open again after ``back``."""

    def __init__(self, until: int, back: threading.Event) -> None:
        self._enough = threading.Event()
        self._until, self._back = until, back
        self._was_away = False
        self.seen: list[str] = []
        self._server = Server(self._answer)
        self._thread = threading.Thread(target=self._outage)

    def _answer(self, seen: Seen) -> Answer:
        self.seen.append(seen.target)
        if len(self.seen) > self._until and not self._was_away:
            self._enough.set()
            return Answer(script=(SILENCE,))  # until the listener is closed
        return Answer(404) if seen.target == "/robots.txt" else PAGE

    def _outage(self) -> None:
        self._enough.wait(30)
        self._server.__exit__()
        self._was_away = True
        self._back.wait(30)
        self._server = Server(self._answer, port=self._server.port)
        self._server.__enter__()

    def __enter__(self) -> Self:
        self._server.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._back.set()
        self._thread.join()
        self._server.__exit__()

    def urls(self, count: int) -> list[str]:
        return [self._server.url(f"/{number}") for number in range(count)]


class Resetting:
    """A host that accepts each connection, reads the request, and resets the connection."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.times: list[float] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                found, _ = self._listener.accept()
                self.times.append(time.monotonic())
                found.recv(4096)
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                found.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def refused() -> str:
    """A URL whose port refuses connections."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def serving(address: str, handler: Handler) -> Server:
    return Server(handler, addresses=(address,))


def wait_for_requests(site: Server, count: int) -> None:
    until = time.monotonic() + 30
    while len(site.seen) < count:
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.promise("P45")
@pytest.mark.parametrize("robots", [True, False])
def test_a_site_that_is_down_for_a_while_loses_nothing(
    crawled: Crawled, engine: str, notices: Notices, robots: bool
) -> None:
    with Flaky(20, notices.rested) as site:
        urls = site.urls(60)
        run = crawled(urls, engine=engine, robots=robots, concurrency=1, patience=60.0)
    assert set(run.pages) == set(urls)
    assert run.report["urls"]["failed"] == 0
    assert any("answers again" in text for text in notices.texts)


@pytest.mark.promise("P45")
def test_a_host_that_never_answered_is_given_up_after_a_tenth(
    crawled: Crawled, engine: str, notices: Notices
) -> None:
    with closing(Resetting()) as host, Server(lambda _: PAGE) as good:
        urls = [f"{host.url}{number}" for number in range(8)]
        run = crawled(
            [*urls, good.url("/fine")], engine=engine, robots=False, per_host=1, patience=6.0
        )
    assert set(run.pages) == {good.url("/fine")}
    assert {each["error"] for each in run.failures.values()} == {"reset"}
    assert all("nothing came from the host" in each["message"] for each in run.failures.values())
    gaps = [after - before for before, after in pairwise(host.times)]
    assert min(gaps) >= 0.05
    assert len(host.times) < 16  # one probe in a pause
    (seconds,) = notices.given_up
    assert 0.6 <= seconds < 6.0


@pytest.mark.promise("P45")
def test_the_network_is_away_at_a_resume(crawled: Crawled, engine: str) -> None:
    with Server(lambda seen: Answer(404) if seen.target == "/robots.txt" else PAGE) as site:
        urls = [site.url(f"/{number}") for number in range(20)]
        first = crawled(urls, engine=engine, max_pages=5)
        assert len(first.pages) == 5
    again: dict[str, Any] = {"engine": engine, "resume": True, "max_pages": None}
    started = time.monotonic()
    with pytest.raises(StateError, match="the network is away"):
        crawled(urls, **again, patience=0.04)
    assert time.monotonic() - started >= 0.4
    assert first.records("failures") == []
    assert len(first.pages) == 5
    with Server(lambda _: PAGE, port=site.port):
        run = crawled(urls, **again)
    assert set(run.pages) == set(urls)


@pytest.mark.promise("P45")
def test_two_hosts_without_an_answer_are_a_network_that_is_away(
    crawled: Crawled, engine: str, tmp_path: Path
) -> None:
    with pytest.raises(StateError, match=r"the network is away: no host has answered for \d+ s"):
        crawled([refused(), refused()], engine=engine, patience=0.04)
    assert (tmp_path / "run" / "failures.jsonl").read_bytes() == b""


@pytest.mark.promise("P45")
def test_a_host_that_only_says_503_is_given_up(
    crawled: Crawled, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "LEAST", 0.01)
    monkeypatch.setattr(pace, "MOST", 0.02)
    with Server(lambda _: Answer(503)) as site:
        urls = [site.url(f"/{number}") for number in range(200)]
        run = crawled(
            urls, engine=engine, robots=False, retry="status:503=1,0", retries=1, patience=0.2
        )
    assert Counter(each["status"] for each in run.failures.values()) == {503: 200}
    assert {each["error"] for each in run.failures.values()} == {"status"}
    assert len(site.seen) < 200
    assert sum(each["attempts"] for each in run.failures.values()) == len(site.seen)


@pytest.mark.promise("P45")
def test_a_name_that_does_not_exist_is_an_answer(crawled: Crawled, engine: str) -> None:
    run = crawled(["http://nobody.invalid/"], engine=engine, robots=False, retry="dns=2,0.01")
    (failure,) = run.failures.values()
    assert (failure["error"], failure["attempts"]) == ("dns", 3)


@pytest.mark.promise("P45")
@pytest.mark.parametrize("off", [{"retries": 0}, {"patience": 0.0, "retry": "connect=1,0"}])
def test_patience_is_switched_off(crawled: Crawled, engine: str, off: dict[str, Any]) -> None:
    run = crawled([refused()], engine=engine, robots=False, **off)
    (failure,) = run.failures.values()
    assert (failure["error"], failure["attempts"]) == ("connect", 2 if "retry" in off else 1)


@pytest.mark.promise("P45")
@pytest.mark.parametrize("robots", [True, False])
def test_a_url_that_is_always_reset_fails_while_its_host_answers_others(
    crawled: Crawled, engine: str, robots: bool
) -> None:
    def answer(seen: Seen) -> Answer:
        return Answer(script=(RESET,)) if seen.target == "/bad" else LAST

    with Server(answer) as site:
        urls = [site.url(f"/{number}") for number in range(6)]
        run = crawled(
            [urls[0], site.url("/bad"), *urls[1:]],
            engine=engine,
            robots=robots,
            per_host=1,
            retry="reset=2,0.01",
        )
    assert set(run.pages) == set(urls)
    assert run.failures[site.url("/bad")]["attempts"] == 3
    assert Counter(seen.target for seen in site.seen)["/bad"] == 3


@pytest.mark.promise("P45")
def test_a_host_that_answers_only_robots_txt_is_not_waited_for(
    crawled: Crawled, engine: str
) -> None:
    def answer(seen: Seen) -> Answer:
        return Answer(404) if seen.target == "/robots.txt" else Answer(script=(RESET,))

    with Server(answer) as site:
        run = crawled([site.url("/page")], engine=engine, retry="reset=2,0.01")
    assert run.failures[site.url("/page")]["error"] == "reset"
    assert Counter(seen.target for seen in site.seen)["/page"] == 3


@pytest.mark.promise("P45")
def test_an_interrupt_ends_the_waiting_at_once(serve: Serve, tmp_path: Path) -> None:
    """Also while a probe is in flight, which would last for 30 s."""
    answers = iter([Answer(script=(RESET,)), Answer(script=(SILENCE,))])
    site = serve({"/": lambda _: next(answers)})
    process = subprocess.Popen(
        command("crawl", "--no-robots", "--run", tmp_path / "run", site.url("/")),
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    wait_for_requests(site, 2)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=15) == 130
    urls = Run(subprocess.CompletedProcess((), 130, "", ""), tmp_path / "run").report["urls"]
    assert (urls["failed"], urls["pending"]) == (0, 1)


@pytest.mark.promise("P74")
def test_a_resume_obeys_what_hosts_asked_for(crawled: Crawled, engine: str) -> None:
    """Of a host that asked for a second by Retry-After, and of one with a Crawl-delay."""
    busy_pages = {"/page": Answer(503, (("Retry-After", "1"),))}
    slow_pages = {"/robots.txt": Answer(body=b"User-agent: *\nCrawl-delay: 1"), "/page": PAGE}
    with (
        serving("127.0.0.2", lambda seen: busy_pages.get(seen.target, Answer(404))) as busy,
        serving("127.0.0.3", lambda seen: slow_pages.get(seen.target, Answer(404))) as slow,
        serving("127.0.0.4", lambda seen: PAGE if seen.target == "/page" else Answer(404)) as good,
    ):
        urls = [site.url("/page") for site in (busy, slow, good)]
        crawled(urls, engine=engine, concurrency=1, retry="status:503=3,0", max_pages=1)
        before = {site: len(site.seen) for site in (busy, slow)}
        assert list(before.values()) == [2, 1]
        busy_pages["/page"] = PAGE
        run = crawled(urls, engine=engine, resume=True, max_pages=None)
    assert set(run.pages) == set(urls)
    for site, count in before.items():
        assert site.seen[count].at - site.seen[count - 1].at >= 1.0


@pytest.mark.long
@pytest.mark.promise("P74")
def test_a_resume_after_a_kill_keeps_the_delay(serve: Serve, tmp_path: Path) -> None:
    """Also from a request that was sent after the last commit."""
    site = serve({"/": PAGE})
    options = ["--no-robots", "--run", tmp_path / "run", "--delay", "6", "--per-host", "1"]
    process = subprocess.Popen(
        command("crawl", *options, site.url("/")), cwd=tmp_path, env=environment()
    )
    wait_for_requests(site, 1)
    process.kill()
    process.wait()
    done = ended(command("crawl", "--run", tmp_path / "run", "--resume"), tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = site.seen
    assert second.at - first.at >= 6.0
