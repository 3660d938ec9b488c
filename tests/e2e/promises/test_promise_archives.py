"""Damaged archives are replayed as far as they can be read, and the crawl says what is missing."""

from pathlib import Path

import pytest
from e2e.conftest import Crawl
from e2e.promises.conftest import Crawled
from support.damaged_archives import AROUND, BODIES, URLS, A, B, C, as_one, plain, with_length

import crawler
from crawler.fetch.network import SystemNetwork, mocking
from crawler.testing import Answer, Replay, Seen, Server

USUAL = ("--parse", "none", "--no-robots", "--retries", "0", "--latency-scale", "0")


@pytest.mark.promise("P96")
def test_a_replay_says_what_it_skipped(crawl: Crawl, tmp_path: Path) -> None:
    cut = plain(A, with_length(-9), b"garbage", C, B[:-30])
    (tmp_path / "web.warc").write_bytes(cut)
    done = crawl(*USUAL, "--replay", tmp_path / "web.warc", lines="\n".join(URLS))
    assert done.code == 0, done.err
    assert {url: page["bytes"] for url, page in done.pages.items()} == {
        url: len(BODIES[url]) for url in AROUND
    }
    assert {url: each["error"] for url, each in done.failures.items()} == {URLS[1]: "dns"}
    told = [line for line in done.err.splitlines() if line.startswith("crawler: ")]
    path = f"crawler: {tmp_path}/web.warc: "
    assert told == [
        f"{path}skipped a record at byte {len(A)}: its Content-Length does not lead to another "
        "record",
        f"{path}the file is incomplete: it ends inside a record",
        f"{path}not in the archive: 1 host (b.example)",
    ]


@pytest.mark.promise("P96")
def test_a_damaged_archive_is_the_same_web_for_every_engine(engine: str, tmp_path: Path) -> None:
    (tmp_path / "web.warc.gz").write_bytes(as_one(A, with_length(-9), C))
    with Replay(tmp_path / "web.warc.gz", latency_scale=0) as web:
        options = {"parse": "inline", "robots": False, "retries": 0, "run": tmp_path / "run"}
        report = crawler.crawl(URLS, engine=engine, **options)
    assert (report.urls.done, report.errors) == (2, {"dns": 1})
    assert web.unknown_hosts == ["b.example"]
    assert [loss.partition(":")[0] for loss in web.losses] == [
        f"skipped a record at byte {len(A)} of the decompressed file"
    ]


PLACES = ("/o\x01k", "/\x1f-\x7f", "/a?q=\x02", "\x01/first", "/last\x03", "/t\tab", "/b c\x04d")
"""Raw in a Location. The URL parser escapes controls and removes them at both ends, and TAB and
line ends everywhere (URL Standard, 4.4 and the C0 control percent-encode set)."""


def redirect(seen: Seen) -> Answer:
    number = seen.target.removeprefix("/from")
    if number == seen.target:
        return Answer(body=seen.target.encode(), headers=(("Content-Type", "text/plain"),))
    head = f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {PLACES[int(number)]}\r\n\r\n"
    return Answer(script=(head.encode("latin-1"),))


@pytest.mark.promise("P96")
def test_a_redirect_with_control_characters_is_replayed(
    crawled: Crawled, engine: str, tmp_path: Path
) -> None:
    path = tmp_path / "web.warc"
    options = {"engine": engine, "parse": "inline", "robots": False, "delay": 0.0}
    with Server(redirect) as server, mocking(SystemNetwork()):
        urls = [f"http://127.0.0.1:{server.port}/from{number}" for number in range(len(PLACES))]
        first = crawled(urls, name="first", record=path, **options)
    with Replay(path, latency_scale=0) as web:
        again = crawled(urls, name="again", **options)
    ends = [
        {url: page["final_url"] for url, page in run.pages.items()}
        | {url: failure["error"] for url, failure in run.failures.items()}
        for run in (first, again)
    ]
    assert ends[0] == ends[1]
    assert ends[0][urls[0]].endswith("/o%01k")
    assert web.missed == 0
