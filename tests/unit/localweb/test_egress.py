"""While the network is mocked nothing gets past the mock, whatever engine and environment."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.mocked import crawl

from crawler.engines.names import ENGINES
from crawler.fetch.network import SystemNetwork, current
from crawler.testing import Answer, MockWeb, Server

HOME = "http://shop.example/"


@pytest.fixture(params=ENGINES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def outside() -> Iterator[Server]:
    """A real server of this machine that is not of the mocked web."""
    with Server(lambda _: Answer(body=b"outside"), addresses=("127.0.0.1", "127.9.9.9")) as server:
        yield server


@pytest.fixture
def web() -> Iterator[MockWeb]:
    with MockWeb() as web:
        yield web


def test_the_outside_is_reachable_without_the_mock(outside: Server, tmp_path: Path) -> None:
    urls = [outside.url(), outside.url(host="localhost"), outside.url(host="127.9.9.9")]
    assert crawl(tmp_path / "run", urls).report.urls.done == 3
    assert outside.connections > 0


def test_only_the_mocked_web_is_reachable(
    web: MockWeb, outside: Server, name: str, tmp_path: Path
) -> None:
    web.page(HOME, "<title>Shop</title>")
    port = outside.port
    expected = {
        HOME: "page",
        f"http://127.0.0.1:{port}/": "connect",
        f"https://127.0.0.1:{port}/": "connect",
        f"http://127.9.9.9:{port}/": "connect",
        f"http://localhost:{port}/": "dns",
        f"http://elsewhere.invalid:{port}/": "dns",
    }
    crawled = crawl(tmp_path / "run", expected, engine=name)
    assert crawled.ends() == expected
    assert all("not part of the mocked web" in f["message"] for f in crawled.failures.values())
    assert outside.connections == 0


def test_nothing_leads_out_of_the_mocked_web(
    web: MockWeb, outside: Server, name: str, tmp_path: Path
) -> None:
    link = f"http://localhost:{outside.port}/linked"
    web.page(HOME, f'<a href="{link}">out</a>')
    web.answer(f"{HOME}moved", Answer(302, (("Location", outside.url()),)))
    web.answer(f"{HOME}robots.txt", Answer(301, (("Location", outside.url("/robots.txt")),)))
    options = {"engine": name, "follow": True, "scope": "any"}
    with_robots = crawl(tmp_path / "robots", [HOME], robots=True, **options)
    assert with_robots.ends() == {HOME: "blocked"}
    allowed = crawl(
        tmp_path / "run", [HOME, f"{HOME}moved"], allow_private=("127.0.0.0/8",), **options
    )
    assert allowed.ends() == {HOME: "page", f"{HOME}moved": "connect", link: "dns"}
    assert outside.connections == 0


@pytest.mark.parametrize("upper", [False, True])
def test_environment_proxies_are_not_used(
    web: MockWeb,
    outside: Server,
    name: str,
    upper: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(variable.upper() if upper else variable, outside.url())
    monkeypatch.setenv("NO_PROXY" if upper else "no_proxy", "nothing.invalid")
    urls = [HOME, "https://shop.example/", "http://10.1.2.3/", "http://elsewhere.invalid/"]
    for url in urls[:3]:
        web.page(url, "<title>Shop</title>")
    ends = crawl(tmp_path / "run", urls, engine=name).ends()
    assert list(map(ends.get, urls)) == ["page", "page", "page", "dns"]
    assert outside.connections == 0
    with urllib.request.build_opener().open(
        HOME
    ) as answer:  # who minds the environment ends up there
        assert answer.read() == b"outside"


def test_the_lock_ends_with_the_context() -> None:
    with MockWeb() as outer:
        with MockWeb() as inner:
            assert current() is inner
        assert current() is outer
    assert isinstance(current(), SystemNetwork)
