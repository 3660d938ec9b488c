"""The files that a crawl is to write are made from those of its shards."""

import gzip
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from e2e.conftest import Crawl, command, environment
from e2e.sharded.conftest import Sharded
from support.sharded_web import SHARDED, USUAL, page, records, web

from crawler.sinks.warc.archive import Archive

ANSWERS = {f"{host}/{number}": page() for host in "abcd" for number in range(3)}
LINES = "".join(f"{{{name[0]}}}{name[1:]}\n" for name in ANSWERS)


def urls(text: str) -> list[str]:
    return sorted(json.loads(line)["url"] for line in text.splitlines())


def test_files_are_joined_at_the_end_of_each_session(sharded: Sharded, tmp_path: Path) -> None:
    one, two, archive = (
        tmp_path / "new" / "one.jsonl",
        tmp_path / "two.jsonl",
        tmp_path / "a.warc.gz",
    )
    with web(ANSWERS) as served:
        outputs = ("--out", one, "--out", two, "--record", archive)
        options = ("--no-robots", "--max-pages", 5, "--log", "info", "--log-file", "crawl.log")
        sharded(*options, *outputs, lines=served.fill(LINES))
        assert len(urls(one.read_text())) == 5
        sharded("--resume", "--max-pages", 99)
        expected = sorted(served.fill(LINES).split())
    assert urls(one.read_text()) == urls(two.read_text()) == expected
    with Archive(archive) as found:
        assert [found.count(each) for each in expected] == [1] * len(expected)
    assert gzip.decompress(archive.read_bytes()).count(b"WARC-Type: warcinfo") == 4
    assert not list(tmp_path.rglob("*.part"))
    logs = list((tmp_path / "sharded" / "shards").glob("*/log-crawl.log"))
    assert len(logs) == 4
    assert all(log.stat().st_size for log in logs)


def test_standard_output_gets_each_page_once(sharded: Sharded, tmp_path: Path) -> None:
    with web(ANSWERS) as served:
        options = ("--no-robots", "--max-pages", 5)
        first = sharded(*options, "--out", "-", lines=served.fill(LINES))
        second = sharded("--resume", "--max-pages", 99)
        expected = sorted(served.fill(LINES).split())
    assert len(urls(first.out)) == 5
    assert sorted(urls(first.out) + urls(second.out)) == expected


SCRIPT = """
import sys, crawler
urls = open("list").read().split()
crawler.crawl(urls, on="local:2", shards=4, slice=1.0, run="run", out="pages.jsonl", robots=False,
              parse="inline", concurrency=2)
"""
COMMAND = (
    *("crawl", *USUAL, *SHARDED, "--no-robots", "--concurrency", 2, "--run", "run"),
    *("--out", "pages.jsonl", "list"),
)


@pytest.mark.promise("P36")
@pytest.mark.parametrize(
    "program", [command(*COMMAND), [sys.executable, "-c", SCRIPT]], ids=["command", "python"]
)
def test_after_an_interrupt_the_file_has_what_was_crawled(
    tmp_path: Path, program: list[str]
) -> None:
    answers = {f"{host}/{n}": page(latency=0.05) for host in "abcd" for n in range(200)}
    with web(answers) as served:
        lines = "".join(f"{{{name[0]}}}{name[1:]}\n" for name in answers)
        (tmp_path / "list").write_text(served.fill(lines))
        process = subprocess.Popen(program, cwd=tmp_path, env=environment())
        while len(served.seen) < 50:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (130, -signal.SIGINT)
    found = urls((tmp_path / "pages.jsonl").read_text())
    assert found == sorted(each["url"] for each in records(tmp_path / "run", "pages"))
    assert 50 <= len(found) < 800


@pytest.mark.parametrize("flag", ["--out", "--record"])
def test_a_file_that_exists_is_refused(crawl: Crawl, tmp_path: Path, flag: str) -> None:
    place = tmp_path / ("there.warc" if flag == "--record" else "there.jsonl")
    place.write_text("of somebody")
    run = crawl(*USUAL, *SHARDED, flag, place, lines="http://127.0.0.1:1/\n")
    assert run.code == 2
    assert f"{flag} {place}: already exists and is not overwritten" in run.err
    assert place.read_text() == "of somebody"
    assert not (tmp_path / "run").exists()
