"""Replies whose label or status does not say what they are: with every engine the same."""

import gzip
import subprocess
import zlib
from pathlib import Path

import brotli
import pytest
from e2e.conftest import Run
from e2e.promises.conftest import GOOD, Crawled, check, kinds, paths

from crawler.cli import main
from crawler.testing import CLOSE, Answer, MockWeb

Headers = tuple[tuple[str, str], ...]
PLAIN = GOOD.encode()
GZIP = gzip.compress(PLAIN)
DEFLATE = zlib.compress(PLAIN)
RAW_DEFLATE = DEFLATE[2:-4]  # RFC 1950: without its header and its checksum
AT = "http://labels.example"


def coded(*values: str) -> Headers:
    return tuple(("Content-Encoding", value) for value in values)


LABELS: dict[str, tuple[tuple[str, ...], bytes]] = {
    # not registered (RFC 9110, 16.6.1): no coding, as in browsers
    "none": (("none",), PLAIN),
    "utf-8": (("utf-8",), PLAIN),
    "binary": (("binary",), PLAIN),
    "8bit": (("8bit",), PLAIN),
    "red": (("\x1b[31mred",), PLAIN),
    "identity-none": (("identity, none",), PLAIN),
    "identity": (("Identity",), PLAIN),  # 12.5.3
    "empty": (("",), PLAIN),
    "commas": ((" , ,",), PLAIN),
    "two-lines": (("none", "utf-8"), PLAIN),
    # beside one that is known
    "utf-8-gzip": (("UTF-8, gzip",), GZIP),
    "gzip-none": (("gzip, none",), GZIP),
    "none-line-gzip": (("none", "gzip"), GZIP),
    # the known ones: names are case-insensitive (8.4.1), several in the order of their use (8.4)
    "gzip": (("gzip",), GZIP),
    "GZIP": (("GZIP",), GZIP),
    "x-gzip": (("x-gzip",), GZIP),
    "gzip-twice": (("gzip, gzip",), gzip.compress(GZIP)),
    "gzip-lines": (("gzip", "GZip"), gzip.compress(GZIP)),
    "deflate": (("deflate",), DEFLATE),
    "deflate-raw": (("deflate",), RAW_DEFLATE),  # 8.4.1.2: some send it so
    "br": (("br",), brotli.compress(PLAIN)),
}
LIES: dict[str, tuple[tuple[str, ...], bytes]] = {
    "gzip-said": (("gzip",), PLAIN),
    "x-gzip-said": (("X-GZip",), PLAIN),
    "twice-said": (("gzip, gzip",), GZIP),
    "deflate-said": (("deflate",), PLAIN),
    "br-said": (("br",), PLAIN),
    "zstd-said": (("zstd",), PLAIN),
    "none-gzip-said": (("none, gzip",), PLAIN),
    "compress": (("compress",), b"\x1f\x9d\x90"),  # registered, and no decoder
}


@pytest.mark.promise("P86")
def test_an_unknown_content_encoding_counts_as_none(
    mock_web: MockWeb, tmp_path: Path, engine: str
) -> None:
    cases = LABELS | LIES
    for name, (labels, body) in cases.items():
        mock_web.page(f"{AT}/{name}", body, headers=coded(*labels))
    places = "".join(f"<url><loc>{AT}/{name}</loc></url>" for name in (*cases, "hidden"))
    xml = (("Content-Type", "application/xml"), *coded("utf-8"))
    mock_web.page(f"{AT}/map.xml", f"<urlset>{places}</urlset>", headers=xml)
    mock_web.page(f"{AT}/robots.txt", "User-agent: *\nDisallow: /hidden", headers=coded("none"))
    options = ("--quiet", "--engine", engine, "--run", str(tmp_path / "run"), "--parse", "inline")
    assert main(["crawl", *options, "--delay", "0", f"{AT}/map.xml"]) == 0
    run = Run(subprocess.CompletedProcess((), 0, "", ""), tmp_path / "run")
    check(run)
    assert paths(run) == set(LABELS)
    assert {(page["title"], page["bytes"]) for page in run.pages.values()} == {("fine", len(PLAIN))}
    assert kinds(run) == dict.fromkeys(LIES, "decode")
    assert {url: skip["reason"] for url, skip in run.skips.items()} == {f"{AT}/hidden": "robots"}


def ranged(value: str, *more: tuple[str, str]) -> Headers:
    return (("Content-Range", value), *more)


LENGTH = len(PLAIN)
LAST = LENGTH - 1
TO_GOOD = ("Location", "/good")
STATUSES: dict[str, tuple[int, Headers, str | None]] = {
    "201": (201, (), None),
    "203": (203, (), None),
    "226": (226, (("IM", "diffe"),), "status"),
    "206-whole": (206, ranged(f"bytes 0-{LAST}/{LENGTH}"), None),
    "206-beginning": (206, ranged(f"bytes 0-{LAST}/{LENGTH + 1}"), "truncated"),
    "206-end": (206, ranged(f"bytes 1-{LENGTH}/{LENGTH + 1}"), "truncated"),
    "206-unknown": (206, ranged(f"bytes 0-{LAST}/*"), "truncated"),
    "206-other": (206, ranged(f"bytes 0-{LENGTH}/{LENGTH + 1}"), "truncated"),
    "206-bad": (206, ranged("all of it"), "truncated"),
    "206-missing": (206, (), "truncated"),
    "206-parts": (206, (("Content-Type", "multipart/byteranges; boundary=x"),), "truncated"),
    "300": (300, (), "status"),
    "300-empty": (300, (("Location", ""),), "status"),
    "300-location": (300, (TO_GOOD,), None),
    "304": (304, (), "status"),
    "304-location": (304, (TO_GOOD, ("ETag", '"x"')), "status"),
    "305": (305, (), "status"),
    "305-location": (305, (TO_GOOD,), "status"),
    "306-location": (306, (TO_GOOD,), "status"),
    "301-nowhere": (301, (), "redirect"),
}


@pytest.mark.promise("P89", "P98")
def test_answers_that_are_no_page_are_failures(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    at = "http://statuses.example"
    for name, (status, headers, _) in STATUSES.items():
        mock_web.page(f"{at}/{name}", PLAIN, status=status, headers=headers)
    mock_web.page(f"{at}/good", GOOD)
    run = crawled([f"{at}/{name}" for name in STATUSES], engine=engine, parse="inline", delay=0)
    expected = {name: error for name, (_, _, error) in STATUSES.items()}
    assert kinds(run) == {name: error for name, error in expected.items() if error}
    assert paths(run) == {name for name, error in expected.items() if error is None}
    assert {page["title"] for page in run.pages.values()} == {"fine"}
    for url, failure in run.failures.items():
        assert failure["status"] == STATUSES[url.rpartition("/")[2]][0]


SIZE = b"%d" % LENGTH
DOUBLED = {
    # RFC 9110, 8.6: the same number may be repeated, in headers or in a list
    "twice": (b"Content-Length: %b\r\nContent-Length: %b" % (SIZE, SIZE), None),
    "apart": (b"Content-Length: %b\r\nX: y\r\ncontent-length: %b" % (SIZE, SIZE), None),
    "list": (b"Content-Length: %b, %b" % (SIZE, SIZE), None),
    "zeros": (b"Content-Length: %b\r\nContent-Length: 0%b" % (SIZE, SIZE), None),
    # RFC 9112, 6.3: everything else is ambiguous
    "shorter": (b"Content-Length: %b\r\nContent-Length: 5" % SIZE, "protocol"),
    "longer": (b"Content-Length: %b\r\nContent-Length: 999" % SIZE, "protocol"),
    "list-of-two": (b"Content-Length: 5, %b" % SIZE, "protocol"),
    "signed": (b"Content-Length: +%b" % SIZE, "protocol"),
    "empty": (b"Content-Length:", "protocol"),
    "chunks": (b"Content-Length: %b\r\nTransfer-Encoding: chunked" % SIZE, "protocol"),
    # a line of spaces ends no head, and a tab after a coding belongs to nothing
    "spaces": (b" \r\nContent-Length: %b" % SIZE, "protocol"),
    "tab": (b"Content-Length: %b\t\r\nX: y\t" % SIZE, None),
}


@pytest.mark.promise("P16")
def test_a_length_that_is_said_twice_is_one_length(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    at = "http://doubled.example"
    for name, (lines, _) in DOUBLED.items():
        raw = b"HTTP/1.1 200 OK\r\n" + lines + b"\r\nContent-Type: text/html\r\n\r\n" + PLAIN
        mock_web.answer(f"{at}/{name}", Answer(script=(raw, CLOSE)))
    tabbed = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
    mock_web.answer(f"{at}/tabbed", Answer(script=(tabbed % (LENGTH, PLAIN), CLOSE)))
    urls = [f"{at}/{name}" for name in (*DOUBLED, "tabbed")]
    run = crawled(urls, engine=engine, parse="inline", delay=0)
    expected = {name: error for name, (_, error) in DOUBLED.items()}
    assert kinds(run) == {name: error for name, error in expected.items() if error}
    assert {(page["title"], page["bytes"]) for page in run.pages.values()} == {("fine", LENGTH)}
