"""Crawls into all formats, killed at random moments and resumed: no page is lost, none is twice."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.conftest import command, environment, html
from support.formats import READERS
from support.killing import crawl_killed, moments

from crawler.localweb.server import Answer, Seen, Server

PAGES = 150
RATE = 100


@pytest.fixture
def server() -> Iterator[Server]:
    """A site of ``PAGES`` pages with links, and a few that fail."""

    def answer(seen: Seen) -> Answer:
        if seen.target == "/robots.txt" or int(seen.target[1:]) % 50 == 49:
            return Answer(404)
        number = int(seen.target[1:])
        links = [f"<a href='/{link % PAGES}'></a>" for link in range(number, 3 * number + 3)]
        return html(f"<title>={number}, a</title><b>{number}.50</b>{''.join(links)}")

    with Server(answer) as server:
        yield server


def crawl_command(server: Server, folder: Path) -> list[str]:
    (folder / "rules.toml").write_text('price = "b"\n')
    (folder / "list").write_text("".join(f"{server.url(f'/{n}')}\n" for n in range(PAGES)))
    flags = [f"--out={folder / f'pages{suffix}'}" for suffix in READERS]
    given = ("--quiet", "--follow", "--rate", RATE, "--extract", folder / "rules.toml")
    return command("crawl", *given, *flags, folder / "list")


def check(server: Server, folder: Path) -> None:
    """Every page is in every format once, with the same values."""
    expected = {server.url(f"/{n}") for n in range(PAGES) if n % 50 != 49}
    spool = [json.loads(line) for line in (folder / "run" / "pages.jsonl").read_text().splitlines()]
    pages = {row["url"]: row for row in spool}
    assert len(spool) == len(pages)
    assert set(pages) == expected
    for suffix, reader in READERS.items():
        rows = reader(folder / f"pages{suffix}")
        assert len(rows) == len(pages), suffix
        for row in rows:
            price = row.get("price")
            whole = pages[row["url"]]
            if price is not None:  # a CSV has the fields in columns of their own
                assert price == whole["fields"]["price"]
            assert all(row[name] == whole[name] for name in ("title", "digest", "links")), suffix


@pytest.mark.promise("P35")
def test_all_formats_survive_kills(server: Server, tmp_path: Path) -> None:
    wanted = crawl_command(server, tmp_path)
    kept = crawl_killed(wanted, tmp_path / "run", moments(4, 2.0, seed=3), environment())
    assert len(kept) >= 2
    check(server, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(1500)
@pytest.mark.promise("P35")
def test_all_formats_survive_a_hundred_kills(server: Server, tmp_path: Path) -> None:
    import duckdb

    hit, seed = 0, 0
    while hit < 100:
        seed += 1
        folder = tmp_path / str(seed)
        folder.mkdir()
        wanted = crawl_command(server, folder)
        hit += len(crawl_killed(wanted, folder / "run", moments(10, 2.5, seed), environment()))
        check(server, folder)
        for suffix in (".parquet", ".csv", ".jsonl", ".jsonl.gz", ".jsonl.zst"):
            counted = f"SELECT count(*), count(DISTINCT url) FROM '{folder / f'pages{suffix}'}'"
            assert duckdb.sql(counted).fetchall() == [(PAGES - PAGES // 50,) * 2], suffix
