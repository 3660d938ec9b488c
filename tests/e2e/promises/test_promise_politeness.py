"""Delays, limits, Retry-After and slowing down, by the log of the server that was asked.

Clocks: the server is a thread of this process, so that both sides share ``time.monotonic``. What is
compared is ordered by cause, never by speed: a request that the crawler sent after an answer came
is in the log after that answer was asked for.
"""

import time
from collections import Counter
from collections.abc import Iterator
from email.utils import formatdate
from itertools import pairwise

import pytest
from e2e.promises.conftest import GOOD, SIDE_BY_SIDE, Crawled, kinds, paths

from crawler.fetch.addresses import AddressRules
from crawler.fetch.network import Resolver
from crawler.frontier import pace, retry
from crawler.testing import RESET, SILENCE, Answer, MockWeb, Seen, Step

HTML = (("Content-Type", "text/html"),)
FINE = Answer(headers=HTML, body=GOOD.encode())
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nx"


def pages(host: str, count: int) -> list[str]:
    return [f"http://{host}.example/{host}{number}" for number in range(count)]


def asked(web: MockWeb, host: str) -> list[Seen]:
    return [seen for seen in web.seen if seen.host == f"{host}.example"]


def gaps(log: list[Seen]) -> list[float]:
    return [after.at - before.at for before, after in pairwise(log)]


@pytest.fixture
def began(mock_web: MockWeb, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When each crawl began, shortly before its first request."""
    times: list[float] = []
    make = mock_web.resolver

    def resolver(rules: AddressRules) -> Resolver:
        times.append(time.monotonic())
        return make(rules)

    monkeypatch.setattr(mock_web, "resolver", resolver)
    return times


class Crowded:
    """Answers that last until ``wanted`` of them are under way at once; ``most`` is how many were.

    A crawl that never gets there does not end.
    """

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._active = self.most = 0

    def __call__(self, _: Seen) -> Answer:
        self._active += 1
        self.most = max(self.most, self._active)
        return Answer(script=self._steps())

    def _steps(self) -> Iterator[Step]:
        while self.most < self._wanted:
            yield 0.005
        yield 0.03  # for one more, which should not be
        self._active -= 1  # before it is written: whoever has the answer may ask for the next
        yield WHOLE


# delays and limits


@pytest.mark.promise("P43")
def test_the_delay_separates_requests_to_a_host(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    urls = [url for host in ("a", "b") for url in pages(host, 4)]
    for url in urls:
        mock_web.page(url, GOOD)
    run = crawled(urls, engine=engine, parse="inline", per_host=1, delay=0.1)
    assert set(run.pages) == set(urls)
    for host in ("a", "b"):
        log = asked(mock_web, host)
        assert log[0].target == "/robots.txt"
        assert len(log) == 5
        assert min(gaps(log)) >= 0.1
    assert run.report["slots"]["politeness"] > 0


@pytest.mark.promise("P43")
@SIDE_BY_SIDE
def test_parallel_requests_start_a_delay_apart(
    mock_web: MockWeb, crawled: Crawled, engine: str, began: list[float]
) -> None:
    crowded = Crowded(2)
    urls = pages("a", 6)
    for url in urls:
        mock_web.answer(url, crowded)
    run = crawled(urls, engine=engine, parse="inline", robots=False, per_host=3, delay=0.1)
    assert set(run.pages) == set(urls)
    assert all(seen.at >= began[0] + n * 0.1 for n, seen in enumerate(asked(mock_web, "a")))
    assert 2 <= crowded.most <= 3


@pytest.mark.promise("P43")
@pytest.mark.parametrize("slots", [1, 3])
def test_parallel_requests_to_a_host_are_limited(
    mock_web: MockWeb, crawled: Crawled, engine: str, slots: int
) -> None:
    limit = 1 if engine == "sequential" else slots
    hosts = {host: Crowded(limit) for host in ("a", "b")}
    urls = [url for host in hosts for url in pages(host, 8)]
    for host, crowded in hosts.items():
        for url in pages(host, 8):
            mock_web.answer(url, crowded)
    run = crawled(urls, engine=engine, parse="inline", per_host=slots)
    assert set(run.pages) == set(urls)
    assert [crowded.most for crowded in hosts.values()] == [limit, limit]


@pytest.mark.promise("P43")
def test_hosts_at_one_address_share_its_limit(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    limit = 1 if engine == "sequential" else 2
    together, alone = Crowded(limit), Crowded(limit)
    shared = [f"shared{number}" for number in range(4)]
    for host in shared:
        mock_web.host(f"{host}.example", address="11.11.11.11")
        for url in pages(host, 3):
            mock_web.answer(url, together)
    for url in pages("alone", 3):
        mock_web.answer(url, alone)
    urls = [url for host in (*shared, "alone") for url in pages(host, 3)]
    run = crawled(urls, engine=engine, parse="inline", per_host=2, per_address=2)
    assert set(run.pages) == set(urls)
    assert together.most == alone.most == limit
    assert {seen.local[0] for seen in asked(mock_web, "shared0")}.isdisjoint(
        seen.local[0] for seen in asked(mock_web, "shared1")
    )


@pytest.mark.promise("P43")
def test_the_rate_bounds_all_hosts_together(
    mock_web: MockWeb, crawled: Crawled, engine: str, began: list[float]
) -> None:
    urls = [url for host in "abc" for url in pages(host, 3)]
    for url in urls:
        mock_web.page(url, GOOD)
    run = crawled(urls, engine=engine, parse="inline", rate=20.0)
    assert set(run.pages) == set(urls)
    assert len(mock_web.seen) == 12
    assert all(seen.at >= began[0] + n / 20 for n, seen in enumerate(mock_web.seen))


@pytest.mark.promise("P43")
def test_a_fractional_crawl_delay_slows_only_its_host(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    mock_web.page("http://slow.example/robots.txt", "User-agent: *\nCrawl-delay: 0.25")
    urls = [*pages("slow", 4), *pages("free", 8)]
    for url in urls:
        mock_web.page(url, GOOD)
    run = crawled(urls, engine=engine, parse="inline", concurrency=1, timeout=5.0)
    assert set(run.pages) == set(urls)
    slow = asked(mock_web, "slow")
    assert min(gaps(slow)) >= 0.25  # from robots.txt to the first page too
    # One slot, and who could go first goes first: none of the others waited behind that host.
    assert asked(mock_web, "free")[-1].at < slow[-1].at


# Retry-After and slowing down


def busy(status: int, after: str | None) -> Answer:
    return Answer(status, () if after is None else (("Retry-After", after),))


@pytest.mark.promise("P22")
def test_retry_after_pauses_only_its_host(
    mock_web: MockWeb, crawled: Crawled, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 1.5)
    date = int(time.time()) + 3
    firsts = {
        "seconds": busy(503, "1"),
        "date": busy(429, formatdate(date, usegmt=True)),
        "years": busy(503, str(10 * 365 * 86_400)),
    }
    for host, first in firsts.items():
        mock_web.answer(pages(host, 1)[0], first, FINE)
        mock_web.page(pages(host, 2)[1], GOOD)
    fine = pages("fine", 6)
    for url in fine:
        mock_web.page(url, GOOD)
    ahead = time.time() - time.monotonic()
    run = crawled(
        [*(url for host in firsts for url in pages(host, 2)), *fine],
        engine=engine,
        parse="inline",
        robots=False,
        retries=1,
        concurrency=1,
        per_host=1,
    )
    assert len(run.pages) == len(firsts) * 2 + len(fine)
    waits = {}
    for host in firsts:
        log = asked(mock_web, host)
        assert Counter(seen.target for seen in log) == {f"/{host}0": 2, f"/{host}1": 1}
        waits[host] = log[1].at - log[0].at
        assert all(seen.at < log[1].at for seen in asked(mock_web, "fine"))
    assert waits["seconds"] >= 1.0
    first, second, _ = asked(mock_web, "date")
    assert second.at >= min(date - ahead, first.at + 1.5) - 0.01  # two clocks
    assert waits["years"] >= 1.5


@pytest.mark.promise("P22")
def test_an_endless_retry_after_is_given_up(
    mock_web: MockWeb, crawled: Crawled, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(pace, "MOST", 0.05)
    for status in (429, 503):
        mock_web.answer(f"http://busy{status}.example/busy{status}0", busy(status, "9" * 9))
        mock_web.page(f"http://busy{status}.example/busy{status}1", GOOD)
    urls = [url for status in (429, 503) for url in pages(f"busy{status}", 2)]
    retries = ("status:429=3,0", "status:503=2,0")
    run = crawled(urls, engine=engine, parse="inline", retry=retries)
    assert {url.rpartition("/")[2]: each["attempts"] for url, each in run.failures.items()} == {
        "busy4290": 4,
        "busy5030": 3,
    }
    assert kinds(run) == {"busy4290": "status", "busy5030": "status"}
    assert [each["status"] for each in run.failures.values()] in ([429, 503], [503, 429])
    assert paths(run) == {"busy4291", "busy5031"}
    for status, tries in ((429, 4), (503, 3)):
        url = f"http://busy{status}.example/busy{status}0"
        assert len(mock_web.requests(url)) == tries
        assert min(gaps(mock_web.requests(url))) >= 0.05


@pytest.mark.promise("P22")
def test_a_redirect_waits_for_its_retry_after(
    mock_web: MockWeb, crawled: Crawled, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 0.3)
    (url,) = pages("moved", 1)
    headers = (("Location", "/here"), ("Retry-After", "1"))
    mock_web.page(url, "", status=302, headers=headers)
    mock_web.page("http://moved.example/here", GOOD)
    run = crawled([url], engine=engine, parse="inline", robots=False)
    assert run.pages[url]["final_url"] == "http://moved.example/here"
    assert gaps(asked(mock_web, "moved"))[0] >= 0.3


@pytest.mark.promise("P22", "P43")
@pytest.mark.promise("P40")
def test_a_clock_set_back_changes_no_pause(
    mock_web: MockWeb, crawled: Crawled, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour, while the crawl waits: neither does it stall nor does it compute all the time."""
    now, behind = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: now() - behind[0])

    def set_back(_: Seen) -> Answer:
        behind[0] = 3600.0
        return busy(503, "1")

    first, *others = urls = pages("a", 4)
    mock_web.answer(first, set_back, FINE)
    for url in others:
        mock_web.page(url, GOOD)
    run = crawled(urls, engine=engine, parse="inline", robots=False, per_host=1, retries=1)
    assert set(run.pages) == set(urls)
    assert 1.0 <= gaps(asked(mock_web, "a"))[0] < run.report["wall_s"] < 60
    assert run.report["budget"]["computing"] < run.report["wall_s"] / 2


@pytest.mark.parametrize(
    ("first", "timeout"),
    [(Answer(503), 60.0), (Answer(script=(SILENCE,)), 1.5)],
    ids=["503", "timeout"],
)
def test_a_busy_host_is_slowed_for_a_while(
    mock_web: MockWeb,
    crawled: Crawled,
    engine: str,
    first: Answer,
    timeout: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "LEAST", 0.15)
    monkeypatch.setattr(pace, "GOOD", 3)
    mock_web.answer("http://slow.example/robots.txt", first, Answer(404))
    *slowly, one, other = urls = pages("slow", 4)
    together = Crowded(1 if engine == "sequential" else 2)
    for url in slowly:
        mock_web.page(url, GOOD)
    for url in (one, other):
        mock_web.answer(url, together)
    retries = ("status:503=1,0", "timeout=1,0")
    run = crawled(urls, engine=engine, parse="inline", retry=retries, timeout=timeout)
    assert set(run.pages) == set(urls)
    log = asked(mock_web, "slow")
    assert len(log) == 6
    assert [seen.target for seen in log[:4]] == [*["/robots.txt"] * 2, "/slow0", "/slow1"]
    assert min(gaps(log[:4])) >= 0.15


def test_retries_are_set_by_kind_and_status(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    answers = {
        "reset": Answer(script=(RESET,)),
        "500": Answer(500),
        "502": Answer(502),
        "404": Answer(404),
        "418": Answer(418),
    }
    for name, answer in answers.items():
        mock_web.answer(f"http://{name}.example/{name}", answer)
    urls = [f"http://{name}.example/{name}" for name in answers]
    table = ("reset=0", "status=3,0", "status:500=1,0", "status:418=2,0")
    run = crawled(urls, engine=engine, parse="inline", robots=False, retries=5, retry=table)
    tries = {"reset": 1, "500": 2, "502": 4, "404": 1, "418": 3}
    assert {url.rpartition("/")[2]: each["attempts"] for url, each in run.failures.items()} == tries
    assert {url.rpartition("/")[2]: len(mock_web.requests(url)) for url in urls} == tries
