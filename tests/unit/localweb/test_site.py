"""The site runs in the foreground and as a child, and ends when it should."""

import http.client
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.localweb.connection import Answer
from crawler.localweb.site import SiteOptions, SiteProcess
from crawler.model.errors import CrawlerError, UsageError
from crawler.testing import Server

SMALL = SiteOptions(pages=30, hosts=3, latency_ms=0)
FOREGROUND = """
import sys
from crawler.localweb.site import SiteOptions, run_site
run_site(SiteOptions(pages=30, hosts=3, latency_ms=0), sys.stdout)
"""
PARENT = """
import sys
from crawler.localweb.site import SiteOptions, SiteProcess
with SiteProcess(SiteOptions(pages=30, hosts=3)) as site:
    print(site._child._process.pid, flush=True)
    sys.stdin.read()
"""


def get(url: str) -> tuple[int, str]:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        connection.request("GET", f"/{path}")
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_site_says_where_and_ends_cleanly(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", FOREGROUND],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline().split()[-1]
        listed = process.stdout.readline().split()[-1]
        urls = get(listed)[1].splitlines()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
    assert (process.returncode, rest, errors) == (0, "", "")
    assert len(urls) == 30
    assert urls[0] == first


def test_a_site_process_serves_every_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "crawler").mkdir()
    (tmp_path / "crawler" / "__init__.py").write_text("raise ImportError('the wrong one')")
    monkeypatch.chdir(tmp_path)
    with SiteProcess(SMALL) as site:
        assert [get(url)[0] for url in site.urls] == [200] * 30
        assert site.list_text == get(f"http://127.10.0.1:{site.port}/urls.txt")[1]
    assert site._child._process.returncode == 0


@pytest.fixture
def few_files() -> Iterator[int]:
    """A low soft limit of open files, which a child inherits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    yield 256
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_site_may_have_very_many_hosts(few_files: int) -> None:
    hosts = few_files + 100
    with SiteProcess(SiteOptions(pages=hosts, hosts=hosts, latency_ms=0)) as site:
        assert get(site.urls[-1])[0] == 200


def test_an_impossible_web_is_refused() -> None:
    with pytest.raises(UsageError):
        SiteProcess(SiteOptions(pages=1, hosts=2))


def test_a_port_in_use_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with Server(lambda _: Answer(), addresses=("127.10.0.1",)) as server:
        options = SiteOptions(pages=1, hosts=1, port=server.port)
        with pytest.raises(CrawlerError, match="did not start"):
            SiteProcess(options).__enter__()
    assert "Address already in use" in capfd.readouterr().err


@pytest.mark.promise("P34")
def test_the_site_process_ends_with_its_parent() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        handle = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            ended = select.poll()
            ended.register(handle, select.POLLIN)
            assert ended.poll(60_000), "the child still runs"
        finally:
            os.close(handle)
