"""How descriptors are shared: for requests, for kept connections, and for those being closed."""

import resource
from collections.abc import Iterator

import pytest

from crawler.app.descriptors import SocketLimits, divide, enough_files, share
from crawler.engines.base import CONNECTIONS
from crawler.settings import Settings


@pytest.mark.promise("P65", "P78")
@pytest.mark.parametrize("engines", [1, 3])
@pytest.mark.parametrize("limit", [8, 9, 12, 48, 100, 972, 20_000])
@pytest.mark.parametrize("wanted", [1, 64, 1_000])
def test_all_connections_fit(limit: int, wanted: int, engines: int) -> None:
    found = divide(limit, wanted, engines)
    assert 1 <= found.slots <= wanted
    assert found.slots <= found.connections
    assert engines * found.connections + found.slots <= limit


@pytest.mark.promise("P78")
def test_as_many_connections_are_kept_as_there_are_descriptors() -> None:
    assert (divide(972, 64).slots, divide(972, 64).connections) == (64, 908)
    assert divide(20_000, 64).connections == CONNECTIONS
    assert divide(None, 64).connections == CONNECTIONS
    assert divide(None, 5_000).connections == 5_000


def test_a_few_descriptors_are_one_request_at_a_time() -> None:
    assert (divide(-5, 64).slots, divide(-5, 64).connections) == (1, 1)


@pytest.fixture
def few() -> Iterator[int]:
    """So many files may be open during the test."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    yield 256
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


@pytest.mark.promise("P65", "P78")
@pytest.mark.parametrize("engine", ["curl", "threads", "auto"])
@pytest.mark.parametrize("parse", ["process", "inline"])
def test_the_limit_of_files_is_raised_for_a_crawl(few: int, engine: str, parse: str) -> None:
    settings = Settings(engine=engine, concurrency=512, parse=parse)
    assert share(settings).slots < 512
    with enough_files(settings):
        assert share(settings) == SocketLimits(512, CONNECTIONS)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == few


def test_the_limit_of_files_is_never_lowered() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with enough_files(Settings(concurrency=1, parse="inline")):
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_the_limit_of_files_is_raised_no_more_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 900))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    with enough_files(Settings()):
        pass
    assert asked == [(900, 900), (256, 900)]
