"""Cookies reach those whom they are for, also after a resume."""

import os
import signal
import time
from pathlib import Path

import pytest
from e2e.conftest import Serve, command, ended, html
from e2e.promises.conftest import GOOD, Crawled
from support.processes import PATIENCE
from support.states import in_file

import crawler
from crawler.testing import Answer, MockWeb, Seen

SETS = (
    "host=only; Path=/",
    "all=below; Path=/; Domain=shop.co.uk",
    "suffix=everybody; Path=/; Domain=co.uk",
    "dot=everybody; Path=/; Domain=.co.uk",
    "other=foreign; Path=/; Domain=bank.co.uk",
    "sub=down; Path=/; Domain=www.shop.co.uk",
)
EXPECTED = {
    "shop.co.uk": {"host=only", "all=below"},
    "www.shop.co.uk": {"all=below"},
    "bank.co.uk": set(),
    "notshop.co.uk": set(),
}
"""The cookies that each host is to receive."""


@pytest.mark.promise("P41")
def test_cookies_stay_with_their_host_after_resume(
    mock_web: MockWeb, crawled: Crawled, engine: str, tmp_path: Path
) -> None:
    start = "http://shop.co.uk/login"
    mock_web.page(start, GOOD, headers=tuple(("Set-Cookie", each) for each in SETS))
    before = [start, *(f"http://{host}/before" for host in EXPECTED)]
    after = [f"http://{host}/after" for host in EXPECTED]
    for url in (*before[1:], *after):
        mock_web.page(url, GOOD)
    common = {"engine": engine, "parse": "inline", "cookies": True, "concurrency": 1}
    urls = [*before, *after]
    run = tmp_path / "run"
    first = crawler.crawl(urls, run=run, max_pages=len(before), robots=False, **common)
    assert first.urls.pending == len(after)
    whole = crawled(urls, resume=True, max_pages=100, robots=False, **common)
    assert set(whole.pages) == set(urls)
    for path in ("before", "after"):
        received = {
            host: set(filter(None, seen.header("cookie").split("; ")))
            for host in EXPECTED
            for seen in mock_web.requests(f"http://{host}/{path}")
        }
        assert received == EXPECTED


@pytest.mark.promise("P64")
def test_committed_cookies_survive_a_kill(serve: Serve, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = ["--no-robots", "--cookies", "--concurrency", 1, "--quiet", tmp_path / "list"]

    def killing(_: Seen) -> Answer:
        """Once the cookie is on disk, kill the crawl that waits for the first answer."""
        if len(server.seen) == 2:
            until = time.monotonic() + PATIENCE
            while not in_file(run / "state.db", "SELECT * FROM cookies"):
                assert time.monotonic() < until
                time.sleep(0.02)
            os.kill(int((run / "lock").read_text()), signal.SIGKILL)
        return html(GOOD)

    login = (("Content-Type", "text/html"), ("Set-Cookie", "k=v; Path=/"))
    server = serve({"/login": Answer(headers=login, body=GOOD.encode()), "/page": killing})
    (tmp_path / "list").write_text(f"{server.url('/login')}\n{server.url('/page')}\n")
    assert ended(command("crawl", "--run", run, *arguments), tmp_path).returncode == -signal.SIGKILL
    done = ended(command("crawl", "--run", run, "--resume"), tmp_path)
    assert done.returncode == 0, done.stderr
    sent = [(seen.target, seen.header("cookie")) for seen in server.seen]
    assert sent == [("/login", ""), ("/page", "k=v"), ("/page", "k=v")]


BYTES: tuple[tuple[str, bytes], ...] = (
    ("UTF-8", "café".encode()),
    ("UTF-8 with the byte 0x85, at which Python's text ends a line", "Åse…".encode()),
    ("beyond the basic plane", "🍪".encode()),
    ("ISO 8859-1", b"caf\xe9"),
    ("windows-1251", "привет".encode("cp1251")),
    ("GBK, of which some second bytes are ASCII", "丂丄".encode("gbk")),
    ("quoted, as servers of cookies with commas do", '"é, à"'.encode()),
    ("a no-break space at both ends is no white space (6265bis, 5.6)", b"\xa0x\xa0"),
    ("every byte but controls, the semicolon and ASCII's white space", bytes(range(0x80, 0x100))),
)
"""Values of cookies; user agents send the bytes that they received (RFC 6265, 5.4)."""
NAME = "Größe".encode()
"""Names, too: user agents accept what servers must not send (RFC 6265, 5.2)."""


def as_header(value: bytes) -> str:
    """As headers are written here: a character is a byte."""
    return value.decode("latin-1")


@pytest.mark.promise("P98")
def test_cookies_are_sent_back_byte_for_byte(
    mock_web: MockWeb, crawled: Crawled, engine: str, tmp_path: Path
) -> None:
    values = [(f"c{number}".encode(), value) for number, (_, value) in enumerate(BYTES)]
    pairs = [*values, (NAME, b"\xc3\xa9")]
    lines = [as_header(name + b"=" + value + b"; Path=/") for name, value in pairs]
    mock_web.page(
        "http://a.example/in", GOOD, headers=tuple(("Set-Cookie", each) for each in lines)
    )
    urls = [f"http://a.example/{name}" for name in ("in", "same", "later")]
    for url in urls[1:]:
        mock_web.page(url, GOOD)
    options = {"engine": engine, "parse": "inline", "cookies": True, "concurrency": 1}
    first = crawler.crawl(urls, run=tmp_path / "run", max_pages=2, robots=False, **options)
    assert first.urls.pending == 1
    crawled(urls, resume=True, max_pages=100, robots=False, **options)
    expected = b"; ".join(name + b"=" + value for name, value in pairs)
    for url in urls[1:]:
        (seen,) = mock_web.requests(url)
        assert seen.header("cookie").encode("latin-1") == expected
        assert seen.header("accept"), "the other headers of the request are whole"
