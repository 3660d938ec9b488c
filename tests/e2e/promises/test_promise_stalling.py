"""Servers that never come to an end, and the others, which must not notice."""

from hashlib import sha256

import pytest
from e2e.promises.conftest import GOOD, SIDE_BY_SIDE, Crawled, Crowd, kinds

from crawler.testing import SILENCE, Answer, MockWeb, Step
from crawler.testing.contract.helpers import little_memory

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LINE = b"X-Filler: " + b"y" * 90 + b"\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"


def scripted(*steps: Step) -> Answer:
    return Answer(script=steps)


FLOODS = {
    "headers": (OK, LINE * 50),
    "one-header": (OK + b"X: ", b"y" * 5000),
    "status-line": (b"HTTP/1.1 200 ", b"y" * 5000),
    "early-hints": (b"", EARLY * 50),
    "trailers": (CHUNKED + b"1\r\nx\r\n0\r\n", LINE * 50),
    "body": (OK + b"\r\n", b"y" * 5000),
    "chunks": (CHUNKED, b"1388\r\n" + b"y" * 5000 + b"\r\n"),
}
"""By name: how an answer begins, and what is said again and again then."""
SLOW = {
    "chunk-size": (CHUNKED + b"1;", b"y"),
    "byte-chunks": (CHUNKED, b"1\r\ny\r\n"),
    "drip": (OK + b"\r\n", b"y"),
    "silence": (b"", b""),
    "stall": (OK + b"\r\n", b""),
}


@pytest.mark.promise("P15")
def test_endless_responses_are_bounded_and_delay_nobody(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    for name, (start, piece) in FLOODS.items():
        flood = scripted(start, ("repeat", piece, None, 0.0))
        mock_web.answer(f"http://{name}.example/{name}", flood)
    bad = [f"http://{name}.example/{name}" for name in FLOODS]
    good = Crowd(mock_web)
    with little_memory():
        run = crawled([*bad, *good.urls], engine=engine, parse="inline", max_bytes=1_000_000)
    assert set(run.pages) == set(good.urls)
    ended = kinds(run)
    assert ended.pop("body") == ended.pop("chunks") == "too_large"
    assert set(ended) == set(FLOODS) - {"body", "chunks"}
    assert set(ended.values()) <= {"protocol", "too_large"}


@pytest.mark.promise("P15", "P20")
@SIDE_BY_SIDE
@pytest.mark.parametrize("case", [*FLOODS, *SLOW])
def test_other_hosts_finish_during_an_endless_response(
    mock_web: MockWeb, crawled: Crawled, engine: str, case: str
) -> None:
    start, piece = {**FLOODS, **SLOW}[case]
    crowd = Crowd(mock_web)
    url = f"http://slow.example/{case}"
    mock_web.answer(url, crowd.meanwhile(start, piece[:200]))
    run = crawled([url, *crowd.urls], engine=engine, parse="inline", concurrency=2)
    assert set(crowd.urls) <= set(run.pages)
    asked = [seen.url for seen in mock_web.seen]
    assert asked.index(url) < max(map(asked.index, crowd.urls))
    assert kinds(run).get(case) != "timeout"


@pytest.mark.promise("P15")
def test_one_byte_chunks_take_linear_time(mock_web: MockWeb, crawled: Crawled, engine: str) -> None:
    spent = {}
    for size in (2**15, 2**18):
        body = b"1\r\ny\r\n" * size
        url = f"http://bytes.example/{size}"
        mock_web.answer(url, scripted(CHUNKED, body + b"0\r\n\r\n"))
        run = crawled([url], engine=engine, parse="inline", robots=False, name=str(size))
        (page,) = run.pages.values()
        assert page["digest"] == sha256(b"y" * size).hexdigest()
        spent[size] = run.report["cpu"]["fetch_s"]
    # Eight times the bytes; quadratic would be sixty-four times the work.
    assert spent[2**18] < 24 * spent[2**15]


STUCK = {
    "silence": scripted(SILENCE),
    "within-head": scripted(OK, SILENCE),
    "after-head": scripted(OK, b"Content-Length: 9\r\n\r\n", SILENCE),
    "drip": scripted(OK, b"\r\n", ("repeat", b"y", None, 0.1)),
    "chunk-drip": scripted(CHUNKED, ("repeat", b"1\r\ny\r\n", None, 0.1)),
    "head-drip": scripted(OK, b"X: ", ("repeat", b"y", None, 0.1)),
}


@pytest.mark.promise("P20")
def test_the_total_deadline_holds(mock_web: MockWeb, crawled: Crawled, engine: str) -> None:
    for name, answer in STUCK.items():
        mock_web.answer(f"http://{name}.example/{name}", answer)
        mock_web.page(f"http://fine.example/good-{name}", GOOD)
    bad = [f"http://{name}.example/{name}" for name in STUCK]
    good = [f"http://fine.example/good-{name}" for name in STUCK]
    run = crawled([*bad, *good], engine=engine, parse="inline", timeout=0.5)
    assert kinds(run) == dict.fromkeys(STUCK, "timeout")
    assert set(run.pages) == set(good)
    assert run.report["wall_s"] > 0.5


@pytest.mark.promise("P20")
@pytest.mark.engines("curl", "tornado")
def test_a_timeout_on_a_kept_connection_is_final(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    url = "http://silence.example/silence"
    mock_web.answer(url, scripted(SILENCE))
    run = crawled([url], engine=engine, parse="inline", timeout=0.5)
    assert kinds(run) == {"silence": "timeout"}
    assert [seen.target for seen in mock_web.seen] == ["/robots.txt", "/silence"]
