"""``--engine auto`` on whole crawls: what it finds to limit them, what it takes, what it says."""

import os
import time
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Run, Serve, html
from support.brought_engines import Twin
from support.mocked import crawl as crawl_here

import crawler.engines.auto
import crawler.engines.registry
from crawler.cli import main
from crawler.engines.base import Engine, EngineOptions
from crawler.model.exchange import Request, Response
from crawler.testing import MockWeb

PAGES = 120
"""Fewer than one parse worker has to take in before it gets help."""


def reason(run: Run) -> str:
    """What it printed; the same stands in the report."""
    (line,) = (line for line in run.err.splitlines() if line.startswith("crawler: auto: "))
    says = line.removeprefix("crawler: auto: ")
    assert run.report["auto"] == says
    return says


def test_slow_pages_are_called_io_bound(crawl: Crawl, serve: Serve) -> None:
    server = serve({f"/{n}": html("<p>slow", latency=0.1) for n in range(PAGES)})
    urls = "\n".join(server.url(f"/{n}") for n in range(PAGES))
    run = crawl("--engine", "auto", "--concurrency", "8", lines=urls)
    assert run.code == 0, run.err
    assert len(run.pages) == PAGES
    assert run.report["engine"] == "auto (curl)"
    assert reason(run).startswith("curl, 1 parse worker; I/O-bound: waiting took ")
    asked = [seen.target for seen in server.seen]
    assert sorted(asked) == sorted(["/robots.txt", *(f"/{n}" for n in range(PAGES))])


def test_heavy_computing_is_called_cpu_bound(crawl: Crawl, serve: Serve) -> None:
    server = serve({f"/{n}": html("<p>heavy") for n in range(PAGES)})
    urls = "\n".join(server.url(f"/{n}") for n in range(PAGES))
    burning = ("--parse", "inline", "--parser", "support.parsers:burn_2ms")
    run = crawl("--engine", "auto", *burning, lines=urls)
    assert run.code == 0, run.err
    assert reason(run).startswith("curl; CPU-bound: the fetch thread was busy ")


def test_heavy_parsing_gets_more_workers(crawl: Crawl, serve: Serve) -> None:
    server = serve({f"/{n}": html("<p>heavy") for n in range(250)})
    urls = "\n".join(server.url(f"/{n}") for n in range(250))
    burning = ("--parser", "support.parsers:burn_10ms")
    run = crawl("--engine", "auto", *burning, lines=urls)
    assert run.code == 0, run.err
    cores = len(os.sched_getaffinity(0))
    assert len(run.pages) == 250
    if cores > 1:
        assert reason(run).startswith(("curl, 2 parse workers", "curl, 3 parse workers"))


def test_the_requested_workers_are_used(crawl: Crawl, serve: Serve) -> None:
    server = serve({"/": html("<p>small")})
    run = crawl("--engine", "auto", "--workers", "2", server.url("/"))
    assert (
        reason(run)
        == "curl, 2 parse workers; only 2 requests, too few to see what limits the speed"
    )


class Dear(Twin):
    """Computes for two milliseconds before each fetch."""

    name = "dear"

    async def fetch(self, request: Request) -> Response:
        until = time.thread_time() + 0.002
        while time.thread_time() < until:
            pass
        return await super().fetch(request)


def test_the_cheapest_engine_takes_over_when_cpu_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = crawler.engines.registry.make_engine

    def make(name: str, options: EngineOptions) -> Engine:
        return Dear(options) if name == "dear" else ours(name, options)

    monkeypatch.setattr(crawler.engines.registry, "make_engine", make)
    monkeypatch.setattr(crawler.engines.registry, "CANDIDATES", ("dear", "aiohttp"))
    monkeypatch.setattr(crawler.engines.auto, "PATIENCE", 0.3)
    urls = [f"http://h{n % 8}.example/{n}" for n in range(1_500)]
    with MockWeb() as web:
        for url in urls:
            web.page(url, "<p>page")
        done = crawl_here(tmp_path / "run", urls, engine="auto", concurrency=16)
        asked = [f"http://{seen.host}{seen.target}" for seen in web.seen]
    assert set(done.pages) == set(urls)
    assert sorted(asked) == sorted(urls)
    assert done.report.engine == "auto (aiohttp)"
    assert done.report.auto is not None
    assert done.report.auto.startswith("aiohttp; CPU-bound: ")
    assert "dear needs " in done.report.auto


def test_compare_refuses_auto(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--engines", "curl,auto", "http://127.0.0.1:9/"]) == 2
    assert capsys.readouterr().err == (
        "crawler: --engines auto: auto chooses one of the other engines; name those to compare\n"
    )


def test_auto_is_listed_among_the_engines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines"]) == 0
    assert (
        "\nauto: curl; if CPU limits the crawl, the one of curl, aiohttp, tornado"
        in capsys.readouterr().out
    )


def test_auto_refuses_http2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crawl", "--engine", "auto", "--http2", "http://127.0.0.1:9/"]) == 2
    assert "needs --engine curl" in capsys.readouterr().err
