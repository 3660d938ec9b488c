"""The documentation builds without a warning, and none of its links is dead."""

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from support.samples import PAGES, ROOT

_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


class Html(HTMLParser):
    """What a page links to and loads, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors.update(filter(None, [found.get("id")]))
        link = found.get("href") or found.get("src")
        if link:
            (self.links if tag == "a" else self.loads).append(link)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Html]:
    """The built pages, by path."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-P", "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
    done = subprocess.run(
        [*command, "--doctree-dir", folder / "doctrees", ROOT / "docs", folder / "html"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {path: Html(path.read_text()) for path in sorted((folder / "html").rglob("*.html"))}


def is_local(link: str) -> bool:
    return not urlsplit(link).scheme


def dead(site: dict[Path, Html]) -> Iterator[str]:
    for page, html in site.items():
        for link in filter(is_local, html.links + html.loads):
            parts = urlsplit(link)
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not target.is_file():
                yield f"{page.name}: {link}"
            elif parts.fragment and unquote(parts.fragment) not in site[target].anchors:
                yield f"{page.name}: {link}: no such anchor"


def test_no_link_of_the_site_is_dead(site: dict[Path, Html]) -> None:
    assert len(site) > 15
    assert not list(dead(site))


def test_the_site_loads_nothing_from_the_network(site: dict[Path, Html]) -> None:
    assert not [link for html in site.values() for link in html.loads if not is_local(link)]


def anchors(page: Path) -> set[str]:
    """The anchors that a forge gives to the headings of a Markdown page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_of_a_page_is_dead(page: Path) -> None:
    for link in filter(is_local, _LINK.findall(_CODE.sub("", page.read_text("utf-8")))):
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), link
        assert not fragment or fragment in anchors(target), link
