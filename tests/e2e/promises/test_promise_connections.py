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


def crawl_with(
    descriptors: int | str, hosts: int, engine: str, web: Listener, folder: Path, pages: int = 1
) -> Run:
    """Crawl ``pages`` of each host, in turns.

    No more than ``descriptors`` may be open in any process; text is the soft and the hard limit.
    """
    places = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(hosts)]
    urls = [f"http://{at}:{web.port}/{number}\n" for number in range(pages) for at in places]
    (folder / "list").write_text("".join(urls))
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


@pytest.mark.promise("P78")
@pytest.mark.engines("curl", "aiohttp", "tornado")
def test_the_limit_of_files_is_raised_to_keep_connections(
    everywhere: Listener, tmp_path: Path, engine: str
) -> None:
    run = crawl_with("128:2000", 200, engine, everywhere, tmp_path, pages=3)
    assert run.code == 0, run.err
    assert len(run.pages) == 600
    assert everywhere.connections < 250  # two of a host at once need two


@pytest.mark.promise("P78")
@pytest.mark.engines("curl", "aiohttp", "tornado")
def test_hosts_with_a_connection_are_preferred(
    everywhere: Listener, tmp_path: Path, engine: str
) -> None:
    """In turns, each request would need a new connection; with robots.txt that is 2,700."""
    run = crawl_with(150, 300, engine, everywhere, tmp_path, pages=8)
    assert run.code == 0, run.err
    assert len(run.pages) == 2_400
    assert everywhere.connections < 1_350


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
