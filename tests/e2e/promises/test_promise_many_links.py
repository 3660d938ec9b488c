"""Pages that bring more links than a page should."""

import gzip
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Serve, html
from e2e.promises.conftest import Crawled
from support.engines import ENGINES
from support.watching import watch

from crawler.frontier.state.status import read_counts
from crawler.testing import Answer, MockWeb

MANY = 20_000
MAX_LINK_BYTES = 2_000_000
FULL = html("<title>many</title>" + "".join(f"<a href={n}/page>" for n in range(MANY)))


def many_pages(serve: Serve, tmp_path: Path, count: int) -> Path:
    """A list of ``count`` pages with 20,000 links each, none of which another page has."""
    server = serve({"/robots.txt": Answer(404)} | {f"/{n}/": FULL for n in range(count)})
    path = tmp_path / "list"
    path.write_text("".join(server.url(f"/{n}/") + "\n" for n in range(count)))
    return path


@pytest.mark.promise("P61")
def test_memory_stays_flat_while_links_are_entered(serve: Serve, tmp_path: Path) -> None:
    urls, run = many_pages(serve, tmp_path, 12), tmp_path / "run"
    watched = watch(["--follow", "--max-pages", 12, urls], run)
    counts, _ = read_counts(run / "state.db")
    assert (watched.code, counts.done, counts.discovered) == (0, 12, 12 * MANY)
    assert watched.memory < 200


@pytest.mark.long
@pytest.mark.promise("P61")
@pytest.mark.parametrize("engine", ENGINES)
def test_a_million_links(serve: Serve, tmp_path: Path, engine: str) -> None:
    urls, run = many_pages(serve, tmp_path, 50), tmp_path / "run"
    watched = watch(["--follow", "--max-pages", 50, "--engine", engine, urls], run)
    counts, _ = read_counts(run / "state.db")
    assert (watched.code, counts.done, counts.discovered) == (0, 50, 50 * MANY)
    assert watched.memory < 250
    assert watched.gap < 2


# What is cut


@pytest.mark.promise("P52")
@pytest.mark.parametrize("follow", [True, False])
def test_links_that_are_cut_are_counted_and_named(serve: Serve, crawl: Crawl, follow: bool) -> None:
    body = "".join(f"<a href=//other.example/{n}>" for n in range(MANY + 500))
    server = serve({"/robots.txt": Answer(404), "/many": html(body)})
    options = ["--follow"] if follow else []
    run = crawl(*options, "--log", "info", lines=server.url("/many"))
    [page] = run.pages.values()
    assert len(page["links"]) == MANY
    assert run.report["urls"]["filtered"] == (MANY + 500 if follow else 500)
    assert f"{server.url('/many')}: 500 links not used" in run.err


# Amplification

SHORT = "".join(f"<a href={n}>" for n in range(MANY))


def weight(folder: Path) -> int:
    """Bytes of all files of a run."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.promise("P62")
def test_a_long_base_does_not_make_a_small_page_large(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    body = gzip.compress(f"<base href=/{'b' * 8_000}/>{SHORT}".encode())
    assert len(body) < 60_000
    mock_web.page("http://a.example/", body, headers=(("Content-Encoding", "gzip"),))
    run = crawled(["http://a.example/"], engine=engine, parse="inline", follow=True, robots=False)
    [page] = run.pages.values()
    assert 0 < sum(map(len, page["links"])) <= MAX_LINK_BYTES
    counted = run.report["urls"]
    assert counted["filtered"] + counted["skipped"] == MANY
    assert weight(run.directory) < 5 * MAX_LINK_BYTES


@pytest.mark.promise("P62")
def test_a_long_seed_does_not_make_a_large_state(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    target = f"http://a.example/{'s' * 8_000}"
    mock_web.page("http://a.example/", "", status=302, headers=(("Location", target),))
    mock_web.page(target, SHORT.replace("href=", "href=/no/"))
    mock_web.page("http://a.example/robots.txt", "User-agent: *\nDisallow: /no/")
    run = crawled(["http://a.example/"], engine=engine, parse="inline", follow=True)
    counted = run.report["urls"]
    assert counted["filtered"] + counted["skipped"] == MANY
    assert 0 < counted["skipped"] <= MAX_LINK_BYTES / len(target)
    assert weight(run.directory) < 5 * MAX_LINK_BYTES
