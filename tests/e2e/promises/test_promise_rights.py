"""What the input names is open to the input, and to what is found there; to nothing else."""

from pathlib import Path

import pytest
from e2e.promises.conftest import GOOD, Crawled
from e2e.promises.test_promise_addresses import moved
from e2e.promises.test_promise_sources import XML, index, urlset

import crawler
from crawler.cli import main
from crawler.testing import MockWeb

OURS = ("http://127.0.0.1:8080", "http://localhost:8081", "http://[::1]:8082", "http://10.1.2.3")
"""Origins inside, which the input names."""


@pytest.fixture
def inside(mock_web: MockWeb) -> MockWeb:
    """Each of ``OURS`` has a start page, which the input names, and secret pages."""
    for at in OURS:
        mock_web.page(f"{at}/", GOOD)
        for path in ("secret", "a", "b"):
            mock_web.page(f"{at}/{path}", GOOD)
    return mock_web


def paths_asked(web: MockWeb, at: str) -> set[str]:
    """The paths that were requested from the origin ``at``."""
    return {seen.target for seen in web.seen if f"http://{seen.host}" == at}


@pytest.mark.promise("P57")
def test_a_public_page_reaches_no_origin_inside(
    inside: MockWeb, crawled: Crawled, engine: str
) -> None:
    links = "".join(f'<a href="{at}/secret">x</a>' for at in OURS)
    inside.page("http://a.example/links", links)
    for n, at in enumerate(OURS):
        moved(inside, f"http://a.example/{n}", f"{at}/secret")
        moved(inside, f"https://b.example/{n}", f"http://a.example/{n}")
        moved(inside, f"http://r{n}.example/robots.txt", f"{at}/secret")
    starts = [f"{at}/" for at in OURS]
    public = [f"http://{place}.example/{n}" for n in range(len(OURS)) for place in ("a", f"r{n}")]
    public += [f"https://b.example/{n}" for n in range(len(OURS))]
    urls = [*starts, *public, "http://a.example/links"]
    run = crawled(urls, engine=engine, parse="inline", follow=True, scope="any")
    assert set(run.pages) == {*starts, "http://a.example/links"}
    assert {url: skip["reason"] for url, skip in run.skips.items()} == dict.fromkeys(
        [*public, *(f"{at}/secret" for at in OURS)], "blocked"
    )
    assert all("--allow-private" in skip["message"] for skip in run.skips.values())
    for at in OURS:
        assert paths_asked(inside, at) == {"/robots.txt", "/"}


@pytest.mark.promise("P57")
def test_a_page_inside_leads_to_what_the_input_names(
    inside: MockWeb, crawled: Crawled, engine: str
) -> None:
    first, *others = OURS
    inside.page(f"{first}/", "".join(f'<a href="{at}/a">x</a>' for at in OURS))
    for at in others:
        moved(inside, f"{first}/to{at[-4:]}", f"{at}/b")
    hops = [f"{first}/to{at[-4:]}" for at in others]
    starts = [*(f"{at}/" for at in OURS), *hops]
    run = crawled(starts, engine=engine, parse="inline", follow=True, scope="any")
    assert not run.skips
    assert set(run.pages) == {*starts, *(f"{at}/a" for at in OURS)}


@pytest.mark.promise("P57")
def test_the_way_over_a_public_page_is_closed(
    inside: MockWeb, crawled: Crawled, engine: str
) -> None:
    own = OURS[0]
    moved(inside, f"{own}/out", "http://a.example/back")
    moved(inside, "http://a.example/back", f"{own}/secret")
    inside.page(f"{own}/", '<a href="http://a.example/page">x</a>')
    inside.page("http://a.example/page", f'<base href="{own}/"><a href="b">x</a>')
    run = crawled(
        [f"{own}/", f"{own}/out"], engine=engine, parse="inline", follow=True, scope="any"
    )
    assert set(run.skips) == {f"{own}/out", f"{own}/b"}
    assert paths_asked(inside, own) == {"/robots.txt", "/", "/out"}


@pytest.mark.promise("P57")
def test_a_resumed_run_opens_no_more(
    inside: MockWeb, crawled: Crawled, engine: str, tmp_path: Path
) -> None:
    own, public = OURS[0], "http://a.example/"
    inside.page(public, f'<a href="{own}/secret">x</a><a href="/go">x</a>')
    moved(inside, "http://a.example/go", f"{own}/b")
    inside.page(f"{own}/", '<a href="/a">x</a>')
    urls = [public, f"{own}/"]
    run = tmp_path / "run"
    crawler.crawl(
        urls,
        run=run,
        engine=engine,
        parse="inline",
        follow=True,
        scope="any",
        concurrency=1,
        robots=False,
        delay=0,
        max_pages=2,
    )
    resumed = crawled(urls, engine=engine, resume=True, max_pages=9)
    assert set(resumed.pages) == {public, f"{own}/", f"{own}/a"}
    assert set(resumed.skips) == {f"{own}/secret", "http://a.example/go"}


@pytest.mark.promise("P57")
def test_a_public_sitemap_reaches_no_origin_inside(
    inside: MockWeb, tmp_path: Path, engine: str
) -> None:
    own, public = OURS[0], "http://a.example"
    inside.page(f"{own}/map.xml", urlset(f"{own}/a"), headers=XML)
    inside.page(f"{own}/inner.xml", urlset(f"{own}/secret"), headers=XML)
    inside.page(f"{public}/index.xml", index(f"{own}/inner.xml", f"{public}/s.xml"), headers=XML)
    inside.page(f"{public}/s.xml", urlset(f"{own}/b", f"{public}/"), headers=XML)
    inside.page(f"{public}/", GOOD)
    moved(inside, f"{own}/moved.xml", f"{public}/s.xml")
    maps = (f"{own}/map.xml", f"{public}/index.xml", f"{own}/moved.xml")
    usual = ("--quiet", "--parse", "inline", "--delay", "0")
    assert main(["crawl", *usual, "--engine", engine, "--run", str(tmp_path / "run"), *maps]) == 0
    assert paths_asked(inside, own) == {"/robots.txt", "/map.xml", "/moved.xml", "/a"}
    assert (tmp_path / "run" / "skipped.jsonl").read_text().count('"blocked"') == 3


@pytest.mark.promise("P57")
def test_allow_private_opens_to_every_page(inside: MockWeb, crawled: Crawled, engine: str) -> None:
    own = OURS[0]
    inside.page("http://a.example/", f'<a href="{own}/a">x</a>')
    moved(inside, "http://a.example/go", f"{own}/b")
    run = crawled(
        ["http://a.example/", "http://a.example/go"],
        engine=engine,
        parse="inline",
        follow=True,
        scope="any",
        allow_private=("127.0.0.1",),
    )
    assert not run.skips
    assert set(run.pages) == {"http://a.example/", "http://a.example/go", f"{own}/a"}
