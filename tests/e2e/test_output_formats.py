"""``--out`` by suffix, on the command line: formats, ``--overwrite``, and formats of packages."""

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Serve, html
from support.formats import READERS

from crawler.localweb.server import Answer

TITLES = """
from crawler.sinks import Sink
from crawler.sinks.file import FileWriter

class TitleEncoder:
    def encode(self, page):
        return f"{page.title}\\n".encode()

def sink(target):
    return Sink(target.name, TitleEncoder(), FileWriter(target.path, resumed=target.resumed))
"""
ENTRY_POINT = "[crawler.sinks]\ntsv.new = titles_of_a_package:sink\n"


@pytest.fixture
def url(serve: Serve) -> str:
    return serve({"/": html("<title>Tea</title>")}).url("/")


def test_overwrite_replaces_the_files_of_out(crawl: Crawl, url: str, tmp_path: Path) -> None:
    out = tmp_path / "pages.jsonl"
    out.write_text("mine\n" * 1000)
    refused = crawl(url, "--out", out)
    assert refused.code == 2
    assert f"--out {out}: already exists and is not overwritten; --overwrite" in refused.err
    assert out.read_text() == "mine\n" * 1000
    assert crawl(url, "--out", out, "--overwrite").code == 0
    assert [json.loads(line)["title"] for line in out.read_text().splitlines()] == ["Tea"]
    again = crawl("--resume", "--overwrite")
    assert again.code == 0, again.err
    assert [json.loads(line)["title"] for line in out.read_text().splitlines()] == ["Tea"]


def test_overwrite_keeps_what_the_crawl_reads(crawl: Crawl, url: str, tmp_path: Path) -> None:
    listed = tmp_path / "urls.jsonl"
    listed.write_text(json.dumps({"url": url}))
    run = crawl(listed, "--out", tmp_path / "." / "urls.jsonl", "--overwrite")
    assert run.code == 2
    assert "is read as well, so it is not overwritten" in run.err
    assert json.loads(listed.read_text()) == {"url": url}


@pytest.mark.parametrize("arguments", [("--out", "x.unknown"), ("--out", "folder.jsonl")])
def test_a_refused_output_replaces_nothing(
    crawl: Crawl, url: str, tmp_path: Path, arguments: tuple[str, str]
) -> None:
    (tmp_path / "kept.jsonl").write_text("mine")
    (tmp_path / "folder.jsonl").mkdir()
    run = crawl(url, "--out", "kept.jsonl", *arguments, "--overwrite")
    assert run.code == 2, run.err
    assert (tmp_path / "kept.jsonl").read_text() == "mine"


def test_overwrite_without_out_is_refused(crawl: Crawl, url: str) -> None:
    assert "--overwrite needs --out" in crawl(url, "--overwrite").err


def test_all_formats_have_the_same_pages(crawl: Crawl, url: str, tmp_path: Path) -> None:
    places = {suffix: tmp_path / f"pages{suffix}" for suffix in READERS}
    flags = [part for place in places.values() for part in ("--out", place)]
    run = crawl(url, *flags)
    assert run.code == 0, run.err
    found = [reader(places[suffix]) for suffix, reader in READERS.items()]
    assert len(found[0]) == 1
    assert all(each == found[0] for each in found)


def test_an_installed_package_adds_a_format(crawl: Crawl, url: str, tmp_path: Path) -> None:
    """The folder in which a command runs is on its path, and there a package is found."""
    (tmp_path / "titles_of_a_package.py").write_text(TITLES)
    info = tmp_path / "titles-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: titles\nVersion: 1\n")
    (info / "entry_points.txt").write_text(ENTRY_POINT)
    run = crawl(url, "--out", tmp_path / "titles.tsv.new")
    assert run.code == 0, run.err
    assert (tmp_path / "titles.tsv.new").read_text() == "Tea\n"
    unknown = crawl(url, "--out", "x.txt", name="other")
    assert (unknown.code, ", .tsv.new" in unknown.err) == (2, True), unknown.err


def test_a_csv_has_the_fields_of_the_rules(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = serve({"/": html("<title>=1+1</title><b>12.50</b><i>a</i><i>b</i>")})
    (tmp_path / "rules.toml").write_text('price = "b"\nkinds = { css = "i", all = true }\n')
    out = tmp_path / "prices.csv"
    run = crawl(site.url("/"), "--extract", tmp_path / "rules.toml", "--out", out)
    assert run.code == 0, run.err
    with out.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["price"], row["kinds"], row["title"]) == ("12.50", '["a","b"]', "'=1+1")


def test_a_database_has_failures_and_skips_until_they_are_tried_again(
    crawl: Crawl, serve: Serve, tmp_path: Path
) -> None:
    answers = [Answer(500), html("<title>Tea</title>")]
    site = serve({
        "/": html("<title>Home</title>"),
        "/later": lambda _: answers.pop(0),
        "/robots.txt": Answer(body=b"User-agent: *\nDisallow: /no"),
    })  # fmt: skip
    lines = "".join(f"{site.url(path)}\n" for path in ("/", "/later", "/no", "/gone"))
    out = tmp_path / "pages.db"
    run = crawl("--out", out, "--retries", "0", lines=lines)
    assert run.code == 0, run.err

    def count(table: str) -> int:
        with closing(sqlite3.connect(out)) as connection:
            (number,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            return int(number)

    assert [count(each) for each in ("pages", "failures", "skips")] == [1, 2, 1]
    again = crawl("--resume", "--again", "status")
    assert again.code == 0, again.err
    assert [count(each) for each in ("pages", "failures", "skips")] == [2, 1, 1]
    assert len(READERS[".db"](out)) == 2
