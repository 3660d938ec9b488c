"""``--cache``: several crawls share what was read from their pages."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Run, Serve, html
from support.comparing import compared, record

from crawler.localweb.server import Server
from crawler.parsing.cache_file import NAME

PAGES = 30
QUICK = ("--delay", "0", "--per-host", "64", "--follow", "--no-robots")


@pytest.fixture
def site(serve: Serve) -> Server:
    return serve(
        {
            f"/{n}": html(f"<title>{n}</title><a href=/{n + 1}>1</a><a href=/{n + 2}#x>2</a>")
            for n in range(PAGES)
        }
    )


def lasting(run: Run) -> dict[str, object]:
    """The records of a run by URL, without what is different in each crawl."""
    changing = ("fetched_at", "elapsed_ms", "depth")
    return {
        url: {name: value for name, value in record.items() if name not in changing}
        for url, record in run.pages.items()
    }


@pytest.mark.parametrize("parse", ["process", "thread", "inline"])
def test_pages_that_did_not_change_are_not_parsed_again(
    crawl: Crawl, site: Server, tmp_path: Path, parse: str
) -> None:
    cache = ("--cache", tmp_path / "cache")
    plain = crawl(*QUICK, site.url("/0"), name="plain")
    first = crawl(*QUICK, *cache, "--parse", parse, site.url("/0"), name="first")
    again = crawl(*QUICK, *cache, "--parse", parse, "--html", site.url("/0"), name="again")
    assert plain.report["cache"] is None
    assert first.report["cache"] == {"pages": 0, "trouble": None}
    assert again.report["cache"] == {"pages": PAGES, "trouble": None}
    assert lasting(first) == lasting(plain)
    records = lasting(again)
    assert all(str(record.pop("html")).startswith("<title>") for record in records.values())  # type: ignore[attr-defined]
    assert records == lasting(plain)
    assert f"Cache {PAGES} pages not parsed again" in " ".join(again.err.split())
    shown = re.sub("<[^>]*>", " ", (again.directory / "report.html").read_text())
    assert f"Cache {PAGES} pages not parsed again" in " ".join(shown.split())
    assert "Cache" not in plain.err


def test_a_resume_may_use_another_cache(crawl: Crawl, site: Server, tmp_path: Path) -> None:
    limited = (*QUICK, "--cache", tmp_path / "one", "--max-pages", 10)
    assert crawl(*limited, site.url("/0"), name="run").report["urls"]["done"] == 10
    kept = crawl("--resume", "--max-pages", 20, name="run")
    assert kept.report["cache"]["pages"] == 0
    changed = crawl("--resume", "--cache", tmp_path / "two", "--max-pages", 1000, name="run")
    assert changed.report["urls"]["done"] == PAGES
    assert (tmp_path / "two" / NAME).exists()
    other = crawl(*QUICK, "--cache", tmp_path / "one", site.url("/0"), name="other")
    assert other.report["cache"]["pages"] == 20


def a_file(path: Path) -> None:
    path.write_text("mine")


def a_link(path: Path) -> None:
    path.symlink_to(path.parent)


@pytest.mark.parametrize(
    ("make", "flags", "says"),
    [
        (a_file, (), "--cache {cache}: is not a folder"),
        (a_link, (), "--cache {cache}: is a symbolic link, which is not followed"),
        (None, ("--parser", "json:loads"), "--cache cannot be combined with --parser: what your"),
        (None, ("--parse", "none"), "--cache needs parsed pages: it cannot be combined with"),
        (None, ("--cache-size", "0"), "--cache-size must be a size from 1 byte"),
    ],
)
def test_a_cache_that_cannot_be_used_is_refused_before_the_first_request(
    crawl: Crawl,
    site: Server,
    tmp_path: Path,
    make: Callable[[Path], None] | None,
    flags: tuple[str, ...],
    says: str,
) -> None:
    cache = tmp_path / "cache"
    if make is not None:
        make(cache)
    run = crawl("--cache", cache, *flags, site.url("/0"))
    assert run.code == 2
    assert says.format(cache=cache) in run.err
    assert not run.directory.exists()
    assert not site.seen


def test_a_comparison_does_not_use_it(tmp_path: Path) -> None:
    (tmp_path / "recorded").mkdir()
    archive, urls = record(tmp_path / "recorded", pages=4, latency=0)
    run = compared(
        tmp_path,
        *("--replay", archive, "--latency-scale", 0, "--repeat", 1, "--engines", "curl"),
        *("--parse", "thread,inline", "--workers", 1, "--cache", tmp_path / "cache", "-"),
        stdin=urls,
    )
    assert run.code == 0, run.err
    assert run.found.notes[-1].startswith("No run used the folder of --cache")
    assert not (tmp_path / "cache").exists()
    assert run.found.same_results
