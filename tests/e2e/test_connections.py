"""What a report says of connections is what the servers saw, and they are named as the limit."""

from pathlib import Path

import pytest

import crawler
from crawler.engines.registry import capabilities_of
from crawler.localweb.certificates import Certificates
from crawler.metrics.report import Report
from crawler.testing import Answer, MockWeb, Server

PAGE = Answer(headers=(("Content-Type", "text/html"),), body=b"<title>x</title>")
HOSTS, PAGES = 3, 5
MANY = 24
HANDSHAKE = 0.1
"""Seconds for each TLS handshake of the slow server, which has ``MANY`` pages."""


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_connections_are_counted_as_the_servers_see_them(
    tmp_path: Path, engine: str, scheme: str
) -> None:
    urls = [f"{scheme}://h{host}.example/{n}" for n in range(PAGES) for host in range(HOSTS)]
    slots = min(4, capabilities_of(engine).max_concurrency or 4)
    with MockWeb(lambda _: PAGE) as web:
        report = crawler.crawl(urls, engine=engine, concurrency=slots, run=tmp_path / "run")
    found = report.connections
    assert found.used == len(web.seen) == HOSTS * (PAGES + 1), "robots.txt is counted too"
    assert found.opened == len({seen.connection for seen in web.seen})
    assert bool(found.reused) is capabilities_of(engine).keep_alive


def crawl_slow_server(folder: Path, answer: Answer) -> Report:
    """Crawl a server that takes its time for each TLS handshake, four pages at once."""
    tls = Certificates(folder / "ca.pem").context("127.0.0.1")
    with Server(lambda _: answer, tls=tls, handshake_delay=HANDSHAKE) as server:
        urls = [server.url(f"/{number}") for number in range(MANY)]
        settings = {"concurrency": 4, "robots": False, "insecure": ("127.0.0.1",)}
        return crawler.crawl(urls, run=folder / "run", parse="none", **settings)


def test_handshakes_are_named_where_most_of_the_wait_is_for_them(tmp_path: Path) -> None:
    closing = Answer(headers=(*PAGE.headers, ("Connection", "close")), body=PAGE.body)
    report = crawl_slow_server(tmp_path, closing)
    assert (report.connections.opened, report.connections.reused) == (MANY, 0)
    assert report.limited_by.what == "handshakes", report.limited_by


def test_a_few_slow_handshakes_are_not_the_limit(tmp_path: Path) -> None:
    slow = Answer(headers=PAGE.headers, body=PAGE.body, latency=HANDSHAKE / 2)
    report = crawl_slow_server(tmp_path, slow)
    assert report.connections.opened == 4
    assert report.limited_by.what == "concurrency", report.limited_by
