"""robots.txt of many origins, also long ones: memory is bounded, and every page is reached."""

from pathlib import Path

import pytest
from e2e.conftest import Serve
from e2e.promises.conftest import GOOD, Crawled
from support.engines import ENGINES
from support.watching import watch

from crawler.frontier import robots_memory
from crawler.frontier.robots import Rules
from crawler.testing import Answer, MockWeb

NOBODY = "User-agent: *\nDisallow: /no"


@pytest.mark.promise("P63")
def test_pages_are_reached_although_rules_are_forgotten(
    mock_web: MockWeb, crawled: Crawled, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(robots_memory, "MOST_BYTES", 2 * Rules.size)
    urls = [f"http://{n}.example/{path}" for path in ("a", "no", "b") for n in range(5)]
    for n in range(5):
        mock_web.page(f"http://{n}.example/robots.txt", NOBODY)
    for url in urls:
        mock_web.page(url, GOOD)
    run = crawled(urls, engine=engine, parse="inline", per_host=1)
    refused = {url for url in urls if url.endswith("/no")}
    assert {url: skip["reason"] for url, skip in run.skips.items()} == dict.fromkeys(
        refused, "robots"
    )
    assert set(run.pages) == set(urls) - refused
    assert not [url for url in refused if mock_web.requests(url)]
    asked = [len(mock_web.requests(f"http://{n}.example/robots.txt")) for n in range(5)]
    assert max(asked) <= 3, "more often than there are pages"


@pytest.mark.long
@pytest.mark.promise("P63")
@pytest.mark.parametrize("engine", ENGINES)
def test_a_thousand_long_files(serve: Serve, tmp_path: Path, engine: str) -> None:
    lines = [NOBODY, *(f"Disallow: /{n:x}" for n in range(40_000))]
    rules = Answer(body="\n".join(lines).encode()[: 500 * 1024])
    page = Answer(headers=(("Content-Type", "text/html"),), body=GOOD.encode())
    server = serve({"/robots.txt": rules, "/page": page}, addresses=("0.0.0.0",))
    hosts = [f"127.9.{n // 200}.{n % 200 + 1}" for n in range(1_000)]
    urls = "".join(f"http://{host}:{server.port}/page\n" for host in hosts)
    (tmp_path / "list").write_text(urls)
    watched = watch(["--engine", engine, tmp_path / "list"], tmp_path / "run")
    assert watched.code == 0
    assert max(watched.peaks) == 1_000
    at_300 = max(peak for done, peak in watched.peaks.items() if done <= 400)
    assert watched.memory < at_300 + 25
