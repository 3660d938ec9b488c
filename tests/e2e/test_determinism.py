"""One seed, one result: what a crawl writes depends on the web, not on chance or on the engine."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.engines import ENGINES

import crawler
from crawler.testing import Fault, MockWeb, SyntheticHandler, SyntheticWeb

SEED = 184
"""Of a web in which everything is wrong somewhere but slow pages, which only take time."""
VARYING = {"fetched_at", "elapsed_ms"}
"""Times. With a seed the crawl goes level by level, so that the depth of a page is no chance."""
WORDS = {"message"}
"""Libraries say in their own words what went wrong."""

Records = dict[str, list[dict[str, Any]]]


def synthetic_web() -> SyntheticWeb:
    return SyntheticWeb(3, 200, seed=SEED, latency=0.002, faults=True)


def crawled(engine: str, directory: Path) -> Records:
    """Everything that a crawl of the whole web wrote, by file, sorted by URL."""
    web = synthetic_web()
    roots = [f"http://{address}/" for address in web.addresses]
    with MockWeb(SyntheticHandler(web)):
        crawler.crawl(roots, engine=engine, follow=True, retries=1, seed=1, run=directory)
    return {name: records(directory / f"{name}.jsonl") for name in ("pages", "failures", "skipped")}


def records(path: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return sorted(without(VARYING, found), key=lambda record: record["url"])


def without(names: set[str], found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in record.items() if name not in names} for record in found
    ]


@pytest.fixture(scope="module", params=ENGINES)
def two_runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[Records]:
    folder = tmp_path_factory.mktemp("runs")
    return [crawled(request.param, folder / name) for name in ("one", "two")]


@pytest.fixture(scope="module")
def by_curl(tmp_path_factory: pytest.TempPathFactory) -> Records:
    return crawled("curl", tmp_path_factory.mktemp("runs") / "curl")


def test_the_test_web_has_faults() -> None:
    web = synthetic_web()
    places = [url.removeprefix("http://").partition("/") for url in web.urls(80)]
    faults = {web.fault(host, f"/{path}") for host, _, path in places}
    assert {Fault.BUSY, Fault.TRUNCATED, Fault.SERVER_ERROR, Fault.REDIRECT_LOOP} <= faults


def test_every_page_is_written_once(by_curl: Records) -> None:
    web = synthetic_web()
    final = [record["url"] for found in by_curl.values() for record in found]
    assert Counter(final).most_common(1)[0][1] == 1
    assert {url.replace(":80/", "/") for url in web.urls(80)} <= set(final)
    assert all(by_curl.values()), "no pages, no failures or no skips: nothing is compared"


def test_two_runs_write_the_same(two_runs: list[Records]) -> None:
    one, two = two_runs
    for name in one:
        assert one[name] == two[name], name


@pytest.mark.promise("P42")
def test_every_engine_writes_the_same(two_runs: list[Records], by_curl: Records) -> None:
    for name, found in by_curl.items():
        assert without(WORDS, two_runs[0][name]) == without(WORDS, found), name
