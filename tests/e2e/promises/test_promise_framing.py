"""Answers whose framing, headers or status are not what they should be."""

from hashlib import sha256

import pytest
from e2e.promises.conftest import GOOD, Crawled, kinds, paths

from crawler.testing import CLOSE, Answer, MockWeb, Step
from crawler.testing.contract.helpers import little_memory

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"


def page(name: str, size: int = 0) -> bytes:
    """A page of its own, padded to ``size`` bytes."""
    return f"<title>{name}</title>".encode().ljust(size)


def with_length(body: bytes, length: int | None = None) -> bytes:
    return OK + b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length) + body


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%b\r\n%b\r\n" % (len(data), extension, data)


def scripted(*steps: Step) -> Answer:
    return Answer(script=steps)


SHORT = {
    "short": scripted(with_length(page("short"), 1000), CLOSE),
    "headers": scripted(with_length(b"", 1000), CLOSE),
    "unended": scripted(CHUNKED, b"\r\n", chunk(page("unended")), CLOSE),
    "in-a-chunk": scripted(CHUNKED, b"\r\nfff\r\n", page("in-a-chunk"), CLOSE),
}


@pytest.mark.promise("P14")
def test_a_short_body_is_retried_and_not_stored(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    for name, answer in SHORT.items():
        mock_web.answer(f"http://short.example/{name}", answer)
        whole = Answer(headers=(("Content-Type", "text/html"),), body=GOOD.encode())
        mock_web.answer(f"http://passing.example/{name}-once", answer, whole)
    urls = [f"http://short.example/{name}" for name in SHORT]
    passing = [f"http://passing.example/{name}-once" for name in SHORT]
    run = crawled(urls + passing, engine=engine, retries=1, parse="inline")
    assert kinds(run) == dict.fromkeys(SHORT, "truncated")
    assert {failure["attempts"] for failure in run.failures.values()} == {2}
    assert {page["title"] for page in run.pages.values()} == {"fine"}
    assert set(run.pages) == set(passing)
    assert all(len(mock_web.requests(url)) == 2 for url in urls + passing)


@pytest.mark.promise("P14")
@pytest.mark.usefixtures("heartbeat")
def test_an_announced_terabyte_costs_nothing(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    url = "http://lies.example/terabyte"
    mock_web.answer(url, scripted(with_length(b"few", 10**12), CLOSE))
    mock_web.page("http://fine.example/good", GOOD)
    both = [url, "http://fine.example/good"]
    with little_memory():
        limited = crawled(both, engine=engine, parse="inline", name="limited")
        # Now the limit does not refuse it, so it must be the bytes that count.
        run = crawled(both, engine=engine, parse="inline", max_bytes=2 * 10**12, memory=10**13)
    assert kinds(limited) == {"terabyte": "too_large"}
    assert kinds(run) == {"terabyte": "truncated"}
    assert paths(limited) == paths(run) == {"good"}


EVIL = with_length(page("evil"))
TAIL = b"0\r\n\r\n"
MIXED = {
    "lengths": (OK + b"Content-Length: 9\r\nContent-Length: 200\r\n\r\n", EVIL),
    "length-list": (OK + b"Content-Length: 9, 200\r\n\r\n", EVIL),
    "length-and-chunks": (
        CHUNKED + b"Content-Length: 4\r\n\r\n" + chunk(page("length-and-chunks")) + TAIL,
        EVIL,
    ),
    "chunks-and-length": (
        OK
        + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunk(page("chunks-and-length"))
        + TAIL,
        EVIL,
    ),
    "extension": (CHUNKED + b"\r\n" + chunk(page("extension"), b";\x00a=\rb\n") + TAIL, EVIL),
    "size": (CHUNKED + b"\r\n0x9\r\n" + page("size") + b"\r\n" + TAIL, EVIL),
    "longer-chunk": (CHUNKED + b"\r\n5\r\n" + page("longer-chunk") + b"\r\n" + TAIL, EVIL),
    "behind": (with_length(page("behind")), EVIL),
    "behind-chunks": (CHUNKED + b"\r\n" + chunk(page("behind-chunks")) + TAIL, EVIL),
    "behind-nothing": (b"HTTP/1.1 204 No Content\r\n\r\n", EVIL),
}
"""By name: an answer, and bytes behind it that could be taken for the next."""
CONFLICTS = {"lengths", "length-list", "size", "longer-chunk"}
"""Those that have no one reading: never a page."""


@pytest.mark.promise("P16")
@pytest.mark.parametrize("concurrency", [1, 8])
def test_the_bytes_of_two_responses_never_mix(
    mock_web: MockWeb, crawled: Crawled, engine: str, concurrency: int
) -> None:
    urls = []
    for name, (answer, behind) in MIXED.items():
        mock_web.answer(f"http://mixed.example/{name}", scripted(answer + behind))
        mock_web.page(f"http://mixed.example/next-{name}", page(f"next-{name}"))
        urls += [f"http://mixed.example/{name}", f"http://mixed.example/next-{name}"]
    slots = 1 if engine == "sequential" else concurrency
    run = crawled(urls, engine=engine, concurrency=slots, parse="inline", timeout=3.0)
    assert {f"next-{name}" for name in MIXED} <= paths(run)
    assert not CONFLICTS & paths(run)
    own = {url: sha256(page(url.rpartition("/")[2])).hexdigest() for url in urls}
    own["http://mixed.example/behind-nothing"] = sha256(b"").hexdigest()
    assert {url: each["digest"] for url, each in run.pages.items()} == {
        url: own[url] for url in run.pages
    }


LINES = {
    "nul": b"X-Odd: a\x00b\r\n",
    "controls": b"X-Odd: \x01\x02\x1b[31m\x7f\r\n",
    "carriage": b"X-Odd: a\rInjected: 1\r\n",
    "type": b"Content-Type: text/html; \x1b[31mcharset=\x07utf-8\x7f\x9b1m\r\n",
    "coding": b"Content-Encoding: \x1b[31mred\x07\x7f\r\n",
    "location": b"Location: /good\rInjected: 1\r\n",
    "robots-tag": b"X-Robots-Tag: \x1bnone\x00\r\n",
}


def odd_headers(web: MockWeb) -> list[str]:
    for name, line in LINES.items():
        status = b"302 Found" if name == "location" else b"200 \x1b[31mOK\x07"
        raw = b"HTTP/1.1 %b\r\n%bContent-Length: 3\r\n\r\n<p>" % (status, line)
        web.answer(f"http://odd.example/{name}", scripted(raw))
    web.page("http://odd.example/good", GOOD)
    return [f"http://odd.example/{name}" for name in (*LINES, "good")]


def clean(web: MockWeb) -> bool:
    """Whether no request has a header or a target that somebody else wrote."""
    names = {name.lower() for seen in web.seen for name, _ in seen.headers}
    targets = "".join(seen.target for seen in web.seen)
    return "injected" not in names and targets.isprintable() and " " not in targets


@pytest.mark.promise("P17")
@pytest.mark.usefixtures("heartbeat")
def test_control_bytes_in_headers_are_not_passed_on(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    run = crawled(odd_headers(mock_web), engine=engine, parse="inline")
    assert {"good", "coding"} <= paths(run)  # what is not a coding counts as none
    assert clean(mock_web)


LINKS = (
    "/crlf\r\nInjected: 1",
    "/escaped%0d%0aInjected:%201",
    "/tab\tbed\x00\x1b[31m",
    "/space here\x7f",
    "\r\n/before",
    "//odd.example\r\nInjected: 1/x",
    "http://odd.example\x00.good.example/",
)


@pytest.mark.promise("P17")
@pytest.mark.usefixtures("heartbeat")
def test_line_breaks_in_links_inject_nothing(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    anchors = "".join(f'<a href="{link}">x</a>' for link in LINKS)
    mock_web.page("http://odd.example/", f"<title>a\r\nb\x00\x1b</title>{anchors}")
    mock_web.page("http://odd.example/before", GOOD)
    run = crawled(["http://odd.example/"], engine=engine, follow=True, parse="inline")
    assert clean(mock_web)
    assert "http://odd.example/before" in run.pages
    (start,) = [page for page in run.pages.values() if page["depth"] == 0]
    assert all(link.isascii() and link.isprintable() for link in start["links"])
    # What is left of them was asked for, each as one target: robots.txt, the start, and these.
    assert len(mock_web.seen) == 2 + len(start["links"])


STATUS_LINES = {
    "empty": b"",
    "HTTP-0.9": b"<html><title>old</title></html>",
    "HTTP-1.2": b"HTTP/1.2 200 OK\r\nContent-Length: 3\r\n\r\n<p>",
    "HTTP-9.9": b"HTTP/9.9 200 OK\r\nContent-Length: 3\r\n\r\n<p>",
    "status-999": b"HTTP/1.1 999 Denied\r\nContent-Length: 3\r\n\r\n<p>",
    "status-000": b"HTTP/1.1 000 None\r\nContent-Length: 3\r\n\r\n<p>",
    "digits": b"HTTP/1.1 " + b"2" * 100 + b" OK\r\nContent-Length: 3\r\n\r\n<p>",
    "words": b"HTTP/1.1 fine OK\r\nContent-Length: 3\r\n\r\n<p>",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "binary": bytes(range(256)) * 8,
}


@pytest.mark.promise("P18")
def test_malformed_status_lines_are_failures(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    for name, raw in STATUS_LINES.items():
        mock_web.answer(f"http://odd.example/{name}", scripted(raw or b"", CLOSE))
    mock_web.page("http://odd.example/good", GOOD)
    urls = [f"http://odd.example/{name}" for name in (*STATUS_LINES, "good")]
    run = crawled(urls, engine=engine, parse="inline")
    assert {"good"} <= paths(run) <= {"good", "HTTP-1.2"}
    assert {"reset", "protocol", "truncated", "status"} >= set(kinds(run).values())
    assert kinds(run)["empty"] == "reset"
    assert kinds(run)["status-999"] in {"status", "protocol"}
    assert all(failure["status"] in (None, 999) for failure in run.failures.values())
