"""``crawler export``, and the files of ``--out`` that are made at the end of a session."""

import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Serve, command, ended, environment, html
from e2e.test_signals import wait_for_pages
from support.formats import READERS, Row

from crawler.localweb.server import SILENCE, Answer, Seen, Server

PAGES = 30
Export = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def export(tmp_path: Path) -> Export:
    def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
        return ended(command("export", *arguments), tmp_path)

    return run


class Site:
    """Pages with prices, and one that fails; while ``silent``, those past the tenth wait."""

    def __init__(self, serve: Serve) -> None:
        self.silent = False
        paths = {f"/{number}": self._answer for number in range(PAGES)}
        self.server: Server = serve({"/robots.txt": Answer(404), **paths})
        self.lines = "".join(f"{self.server.url(path)}\n" for path in [*paths, "/gone"])

    def _answer(self, seen: Seen) -> Answer:
        number = int(seen.target[1:])
        if self.silent and number >= 10:
            return Answer(script=(SILENCE,))
        return html(f"<title>{number}</title><b>{number}.50</b><a href='/0'>")


@pytest.fixture
def site(serve: Serve) -> Site:
    return Site(serve)


def read(path: Path) -> dict[str, Row]:
    suffix = next(each for each in READERS if path.name.endswith(each))
    rows = READERS[suffix](path)
    found = {row["url"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_every_format_has_the_pages_of_the_run(
    crawl: Crawl, export: Export, site: Site, tmp_path: Path
) -> None:
    run = crawl(lines=site.lines)
    places = [tmp_path / "new" / f"x{suffix}" for suffix in READERS]
    done = export(run.directory, *(part for each in places for part in ("--out", each)))
    assert (done.returncode, done.stderr) == (0, "")
    for place in places:
        assert read(place) == run.pages, place
    assert sorted(each.name for each in (tmp_path / "new").iterdir()) == sorted(
        each.name for each in places
    )


def test_a_csv_of_an_export_has_the_columns_of_the_rules(
    crawl: Crawl, export: Export, site: Site, tmp_path: Path
) -> None:
    (tmp_path / "rules.toml").write_text('price = "b"\n')
    run = crawl("--extract", tmp_path / "rules.toml", "--out", "x.csv.jsonl.zst", lines=site.lines)
    assert run.code == 0, run.err
    assert export(run.directory, "--out", "x.csv").returncode == 0
    (tmp_path / "direct").mkdir()
    crawl("--extract", "rules.toml", "--out", "direct/x.csv", lines=site.lines, name="other")
    header = (tmp_path / "direct" / "x.csv").read_bytes().split(b"\r\n")[0]
    assert b",price," in header
    assert (tmp_path / "x.csv").read_bytes().split(b"\r\n")[0] == header


def test_pages_of_several_runs_are_exported_together(
    crawl: Crawl, export: Export, site: Site, tmp_path: Path
) -> None:
    lines = site.lines.splitlines(keepends=True)
    first = crawl(lines="".join(lines[:10]), name="first")
    second = crawl(lines="".join(lines[10:]), name="second")
    assert export(first.directory, second.directory, "--out", "all.parquet").returncode == 0
    assert read(tmp_path / "all.parquet") == first.pages | second.pages


@pytest.mark.promise("P35")
@pytest.mark.parametrize("name", ["pages.parquet", "pages.db"])
def test_a_killed_run_is_exported_as_of_its_last_commit_then_resumed(
    crawl: Crawl, export: Export, site: Site, tmp_path: Path, name: str
) -> None:
    site.silent = True
    (tmp_path / "list").write_text(site.lines)
    out, run = tmp_path / name, tmp_path / "run"
    flags = ("--run", run, "--out", out, "--out", "also.jsonl", "--concurrency", "100")
    process = subprocess.Popen(
        command("crawl", *flags, "--per-host", "100", tmp_path / "list"),
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    exported = tmp_path / f"exported{out.suffix}"
    while not exported.exists() or len(read(exported)) < 10:  # it also reads a run that is crawled
        assert process.poll() is None
        if run.exists():
            done = export(run, "--out", exported, "--overwrite")
            assert done.returncode in (0, 1), done.stderr
    process.send_signal(signal.SIGKILL)
    process.wait()
    with (run / "failures.jsonl").open("ab") as file:
        file.write(b'{"url": "torn')
    assert export(run, "--out", exported, "--overwrite").returncode == 0
    assert len(read(exported)) == 10
    site.silent = False
    assert crawl("--resume").code == 0
    assert len(read(out)) == PAGES
    assert read(out) == read(tmp_path / "also.jsonl")


def test_a_file_made_at_the_end_is_made_again_after_a_resume(
    crawl: Crawl, site: Site, tmp_path: Path
) -> None:
    out = tmp_path / "pages.parquet"
    assert crawl("--out", out, "--max-pages", "5", lines=site.lines).code == 0
    assert len(read(out)) == 5
    run = crawl("--resume", "--max-pages", "1000")
    assert run.code == 0, run.err
    assert read(out) == run.pages
    assert len(run.pages) == PAGES


def test_an_aborted_crawl_says_how_its_file_can_be_made(
    crawl: Crawl, export: Export, site: Site, tmp_path: Path
) -> None:
    site.silent = True
    (tmp_path / "list").write_text(site.lines)
    process = subprocess.Popen(
        command("crawl", "--run", "run", "--out", "pages.parquet", "--per-host", "64", "list"),
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_pages(tmp_path / "run" / "pages.jsonl", 10)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "interrupt again" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "not made: " in errors
    assert "crawler export " in errors
    assert (tmp_path / "pages.parquet").read_bytes() == b""
    assert export("run", "--out", "pages.parquet", "--overwrite").returncode == 0
    assert len(read(tmp_path / "pages.parquet")) == 10


def test_a_place_that_exists_is_replaced_only_if_asked(
    crawl: Crawl, export: Export, site: Site, tmp_path: Path
) -> None:
    run = crawl(site.server.url("/0"))
    place = tmp_path / "x.csv"
    place.write_text("mine")
    refused = export(run.directory, "--out", place)
    assert refused.returncode == 2
    assert f"--out {place}: already exists and is not overwritten; --overwrite" in refused.stderr
    assert place.read_text() == "mine"
    assert export(run.directory, "--out", place, "--overwrite").returncode == 0
    assert read(place) == run.pages
    pages = run.directory / "pages.jsonl"
    source = export(run.directory, "--out", pages, "--overwrite")
    assert (source.returncode, "is read as well" in source.stderr) == (2, True)
    assert read(pages) == run.pages


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere", "--out", "x.csv"), "there is no run in nowhere"),
        (("run", "--out", "x.txt"), "--out x.txt: the suffix selects the format"),
        (("run",), "--out"),
        (("run", "--out", "y.csv"), "its pages are only in .*only.csv.* crawl with --out pages"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    crawl: Crawl, export: Export, site: Site, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    crawl(site.server.url("/0"), "--out", "only.csv")
    done = export(*arguments)
    assert done.returncode == 2
    assert re.search(says, done.stderr), done.stderr


@pytest.mark.promise("P37")
def test_a_file_that_cannot_be_made_ends_the_crawl_before_it_fetches(
    crawl: Crawl, site: Site, tmp_path: Path
) -> None:
    (tmp_path / "folder").write_text("a file where a folder would have to be")
    run = crawl("--out", tmp_path / "folder" / "x.parquet", lines=site.lines)
    assert run.code == 1
    assert "folder" in run.err
    assert not site.server.seen


@pytest.mark.promise("P37")
def test_a_file_that_could_not_be_made_is_made_by_the_resume(
    crawl: Crawl, serve: Serve, tmp_path: Path
) -> None:
    out = tmp_path / "pages.parquet"

    def block(_: Seen) -> Answer:
        out.unlink(missing_ok=True)
        out.mkdir(exist_ok=True)
        return html("<title>Tea</title>")

    site = serve({"/robots.txt": Answer(404), "/": block})
    run = crawl(site.url("/"), "--out", out)
    assert run.code == 1
    assert f"{out}: Is a directory" in run.err
    assert [each.name for each in tmp_path.glob("pages*")] == ["pages.parquet"]
    out.rmdir()
    again = crawl("--resume")
    assert again.code == 0, again.err
    assert read(out) == again.pages
    assert len(again.pages) == 1


@pytest.mark.promise("P37")
@pytest.mark.parametrize("suffix", [*READERS])
def test_a_full_disk_leaves_the_old_file(
    crawl: Crawl, serve: Serve, tmp_path: Path, suffix: str
) -> None:
    """The texts cannot be compressed, so that the file is larger than the limit."""
    noise = random.Random(1).randbytes(100_000).hex()
    pages = {f"/{n}": html(f"<title>{noise[n * 2000 : n * 2000 + 2000]}") for n in range(100)}
    site = serve({"/robots.txt": Answer(404), **pages})
    run = crawl(lines="".join(f"{site.url(path)}\n" for path in pages))
    out = tmp_path / f"pages{suffix}"
    out.write_text("mine")
    limit = [sys.executable, "-m", "support.small_disk", 40_000, "crawler"]
    done = ended([*limit, "export", run.directory, "--out", out, "--overwrite"], tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(rf"crawler: {re.escape(str(out))}\S*: [ \w/]+\n", done.stderr), done.stderr
    assert out.read_text() == "mine"
    assert [each.name for each in tmp_path.glob("pages*")] == [out.name]
