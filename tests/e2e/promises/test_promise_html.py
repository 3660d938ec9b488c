"""Pages that are hard to parse, or are meant to harm the parser."""

import time
from collections.abc import Callable

import pytest
from e2e.promises.conftest import GOOD, Crawled, kinds, paths

from crawler.model.scope import make_scope
from crawler.parsing.job import Job, ParseOptions
from crawler.parsing.page import PageParser
from crawler.testing import MockWeb

LARGE = 50_000_000
"""The most bytes of a body here."""
REPEATED: dict[str, Callable[[int], str]] = {
    "base": lambda n: "<base " * n,
    "meta": lambda n: "<meta " * n,
    "meta-charset": lambda n: '<meta charset="' * n,
    "closed-base": lambda n: '<base href="/a">' * n,
    "closed-meta": lambda n: "".join(f"<meta name=n{k} content=c>" for k in range(n)),
    "cdata": lambda n: "<![CDATA[" * n,
    "cdata-svg": lambda n: "<svg>" + "<![CDATA[" * n,
    "comment": lambda n: "<!--" * n,
    "title": lambda n: "<title>" * n,
    "link": lambda n: "<link rel=canonical href=/x>" * n,
    "anchor": lambda n: "<a href=/x>" * n,
    "open-anchor": lambda n: "<a href='" * n,
    "entities": lambda n: "<p>" + "&amp" * n,
    "percent": lambda n: '<a href="/' + "%" * n + '">',
    "dots": lambda n: '<a href="/' + "../" * n + '">',
    "at": lambda n: '<a href="http://' + "@" * n + '">',
    "lang": lambda n: '<html lang="' + " " * n + '">',
    "robots": lambda n: '<meta name=robots content="' + ",:" * n + '">',
}


def cpu(parser: PageParser, html: str, tries: int) -> float:
    """Seconds of this thread that parsing takes, the least of ``tries``."""
    url = "http://a.example/"
    job = Job(1, url, url, url, 200, "text/html", None, None, "now", 1.0, 0)
    body = html.encode()
    spent = []
    for _ in range(tries):
        started = time.thread_time()
        parser.parse(job, body)
        spent.append(time.thread_time() - started)
    return min(spent)


@pytest.mark.promise("P29")
@pytest.mark.parametrize("case", REPEATED)
def test_repeated_tags_take_linear_time(case: str) -> None:
    scope = make_scope("host")
    parser = PageParser(ParseOptions(max_bytes=LARGE, follow=True, max_depth=None, scope=scope))
    few = cpu(parser, REPEATED[case](12_500), tries=3)
    many = cpu(parser, REPEATED[case](200_000), tries=3)
    # Sixteen times the page, which is no longer in the caches; quadratic would be 256 times.
    assert many < 160 * max(few, 0.001)


@pytest.fixture
def web(mock_web: MockWeb) -> MockWeb:
    """With ten good pages on other hosts."""
    for number in range(10):
        mock_web.page(f"http://fine{number}.example/good{number}", GOOD)
    return mock_web


FINE = [f"http://fine{number}.example/good{number}" for number in range(10)]
NAMES = {f"good{number}" for number in range(10)}
HUGE: dict[str, Callable[[], str]] = {
    "nested": lambda: "<div>" * 200_000,
    "text": lambda: "<title>long</title><p>" + "x" * 10_000_000,
    "link": lambda: '<a href="/' + "x" * 10_000_000 + '">',
    "links": lambda: "<title>long</title>" + "".join(f"<a href=/{n}>" for n in range(1_000_000)),
}


@pytest.mark.promise("P30")
@pytest.mark.usefixtures("heartbeat")
def test_huge_pages_are_cut_or_fail_in_time(web: MockWeb, crawled: Crawled) -> None:
    urls = [f"http://huge.example/{name}" for name in HUGE]
    for name, url in zip(HUGE, urls, strict=True):
        web.page(url, HUGE[name]())
    run = crawled([*urls, *FINE], max_bytes=LARGE, parse_timeout=1.0, workers=2)
    failed = kinds(run)
    assert failed["nested"] == "parse"
    assert set(failed.values()) == {"parse"}
    assert paths(run) == NAMES | set(HUGE) - set(failed)
    assert run.report["rss_peak_mb"] < 1_000
    for url, page in run.pages.items():
        assert len(page["links"]) <= 20_000, url
        assert len(page["title"] or "") <= 2_000, url


ORDERS = {
    "kill": "signal SIGKILL",
    "bloat": "MemoryError",
    "raise": "the page asked for it",
}
"""By what a page asks for: what its failure says."""
OBEDIENT = {"parser": "e2e.promises.parsers:obedient", "said": "said by the parser"}


@pytest.mark.promise("P33")
def test_a_page_that_harms_its_worker_fails_alone(
    web: MockWeb, crawled: Crawled, engine: str
) -> None:
    for order in ORDERS:
        web.page(f"http://bad.example/{order}", f"<title>bad</title>{order} me")
    bad = [f"http://bad.example/{order}" for order in ORDERS]
    run = crawled([*FINE[:5], *bad, *FINE[5:]], engine=engine, workers=2, **OBEDIENT)
    assert paths(run) == NAMES
    assert kinds(run) == dict.fromkeys(ORDERS, "parse")
    for url, failure in run.failures.items():
        assert ORDERS[url.rpartition("/")[2]] in failure["message"]


@pytest.mark.promise("P33")
def test_a_page_that_hangs_fails_alone(web: MockWeb, crawled: Crawled) -> None:
    web.page("http://bad.example/hang", "hang me")
    urls = [*FINE[:5], "http://bad.example/hang", *FINE[5:]]
    run = crawled(urls, parse_timeout=2.0, workers=2, **OBEDIENT)
    assert paths(run) == NAMES
    assert kinds(run) == {"hang": "parse"}
    assert "longer than 2 s" in run.failures["http://bad.example/hang"]["message"]


@pytest.mark.promise("P33")
def test_memory_of_one_page_fails_no_other(web: MockWeb, crawled: Crawled) -> None:
    web.page("http://bad.example/hoard", "hoard for me")
    web.page(
        "http://bad.example/glut", "hoard for me" + "\x01" * 5_000_000
    )  # six bytes each as JSON
    for url in FINE:
        web.page(url, GOOD + "x" * 5_000_000)
    urls = ["http://bad.example/hoard", *FINE[:5], "http://bad.example/glut", *FINE[5:]]
    run = crawled(urls, workers=1, concurrency=1, html=True, **OBEDIENT)
    assert paths(run) == {*NAMES, "hoard"}
    assert kinds(run) == {"glut": "parse"}
