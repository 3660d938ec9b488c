"""Damaged archives are replayed as far as they can be read, and the crawl says what is missing."""

from pathlib import Path

import pytest
from e2e.conftest import Crawl
from support.damaged_archives import AROUND, BODIES, URLS, A, B, C, as_one, plain, with_length

import crawler
from crawler.testing import Replay

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
