"""Pages that bring more links than a page should."""

from pathlib import Path

import pytest
from e2e.conftest import Serve, html
from support.engines import ENGINES
from support.watching import watch

from crawler.frontier.state.status import read_counts
from crawler.testing import Answer

MANY = 20_000
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
