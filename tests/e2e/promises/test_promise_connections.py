"""Connections to many hosts: kept while the server keeps them, and never more than fit."""

import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.conftest import Run, command, environment
from e2e.promises.conftest import GOOD, Crawled
from support.engines import ENGINES

from crawler.engines.names import AUTO
from crawler.localweb.listener import Listener
from crawler.testing import Answer, MockWeb

PAGE = Answer(headers=(("Content-Type", "text/html"),), body=GOOD.encode())
EVERY = pytest.mark.parametrize("engine", [*ENGINES, AUTO])


@pytest.fixture
def everywhere() -> Iterator[Listener]:
    """A page at every path and address of 127.0.0.0/8."""
    with Listener(lambda _: PAGE, lambda _: None) as listener:
        if not listener.everywhere:
            pytest.skip("this system cannot serve all loopback addresses")
        yield listener


def crawl_with(descriptors: int, hosts: int, engine: str, web: Listener, folder: Path) -> Run:
    """Crawl a page of each host; no more than ``descriptors`` may be open in any process."""
    places = (f"127.1.{number // 250}.{number % 250 + 1}" for number in range(hosts))
    (folder / "list").write_text("".join(f"http://{each}:{web.port}/\n" for each in places))
    flags = ("--engine", engine, "--retries", "0", "--parse", "inline", folder / "list")
    ended = subprocess.run(
        ["prlimit", f"--nofile={descriptors}", *command("crawl", "--run", folder / "run", *flags)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return Run(ended, folder / "run")


@pytest.mark.promise("P65")
@EVERY
def test_idle_connections_leave_descriptors_free(
    everywhere: Listener, tmp_path: Path, engine: str
) -> None:
    run = crawl_with(100, 200, engine, everywhere, tmp_path)
    assert run.code == 0, run.err
    assert (len(run.pages), run.failures) == (200, {})


@pytest.mark.long
@pytest.mark.promise("P65")
@EVERY
@pytest.mark.parametrize(("descriptors", "hosts"), [(100, 300), (1024, 3000)])
def test_thousands_of_hosts_leave_descriptors_free(
    everywhere: Listener, tmp_path: Path, engine: str, descriptors: int, hosts: int
) -> None:
    run = crawl_with(descriptors, hosts, engine, everywhere, tmp_path)
    assert run.code == 0, run.err
    assert (len(run.pages), run.failures) == (hosts, {})


@pytest.mark.promise("P78")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.engines("curl", "aiohttp", "tornado", "gevent")  # urllib keeps no connection
def test_connections_to_many_hosts_are_kept(crawled: Crawled, engine: str, scheme: str) -> None:
    """Every host is visited again long after all slots were used for others."""
    hosts = [f"host{number}.example" for number in range(24)]
    urls = [f"{scheme}://{host}/{number}" for number in range(3) for host in hosts]
    with MockWeb(lambda _: PAGE) as web:
        run = crawled(
            urls, engine=engine, parse="inline", concurrency=4, per_host=1, delay=0, order="input"
        )
    assert set(run.pages) == set(urls)
    connections: defaultdict[str, set[int]] = defaultdict(set)
    for seen in web.seen:
        connections[seen.host].add(seen.connection)
    assert {host: len(used) for host, used in connections.items()} == dict.fromkeys(hosts, 1)
