"""Whole sites of real pages: what is found is what an independent crawl finds."""

from pathlib import Path
from typing import NamedTuple

import pytest
from e2e.conftest import Crawl
from support.nginx import Nginx
from support.plain_crawl import crawl as plain_crawl


class RealSite(NamedTuple):
    """The site in a ``folder`` of /usr/share/doc: from ``start`` on it has so many ``pages``.

    With ``below``, only the part there is crawled.
    """

    folder: str
    start: str
    pages: int
    below: str = ""


def check(crawl: Crawl, folder: Path, site: RealSite) -> None:
    """The product's pages and failures are those of the independent crawl."""
    with Nginx(folder / "nginx", Path("/usr/share/doc", site.folder), cached=500) as nginx:
        start, scope = nginx.url(site.start), nginx.url(site.below)
        run = crawl("--follow", "--scope", "prefix" if site.below else "host", start)
        expected = plain_crawl(start, scope)
    assert run.code == 0, run.err
    assert set(run.pages) == expected.pages
    assert {url: each["status"] for url, each in run.failures.items()} == expected.failures
    assert not run.skips
    # Other versions of a package have some more pages or fewer.
    assert len(run.pages) > 0.8 * site.pages
    assert run.report["urls"]["discovered"] + 1 == len(run.pages) + len(run.failures)


SHORT = [
    RealSite("postgresql-doc-15/html", "index.html", 1_169),
    RealSite("sqlite3", "index.html", 758),
    RealSite("debian-handbook/html", "en-US/index.html", 127),
    RealSite("apache2-doc/manual", "en/index.html", 300, "en/"),
]


@pytest.mark.nginx
@pytest.mark.manuals
@pytest.mark.parametrize("site", SHORT, ids=[site.folder for site in SHORT])
def test_a_real_site_is_crawled_as_a_plain_crawl_does(
    crawl: Crawl, tmp_path: Path, site: RealSite
) -> None:
    check(crawl, tmp_path, site)


LONG = [
    RealSite("apache2-doc/manual", "index.html", 2_659),
    # From its first page only a refresh leads on.
    RealSite("openjdk-17-doc", "index.html", 10_198),
    RealSite("rust-doc/html", "index.html", 21_635),
]


@pytest.mark.long
@pytest.mark.nginx
@pytest.mark.manuals
@pytest.mark.large_manuals
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("site", LONG, ids=[site.folder for site in LONG])
def test_a_large_site_is_crawled_as_a_plain_crawl_does(
    crawl: Crawl, tmp_path: Path, site: RealSite
) -> None:
    check(crawl, tmp_path, site)
