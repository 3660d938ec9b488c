"""The pytest plugin: a mocked web, and tests that run with every fetch engine.

pytest loads it in every project of an environment in which the crawler is installed. So it stands
outside the package ``crawler`` (the project may have a package of that name itself), and imports
nothing of it before a test asks for a fixture.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from crawler.testing import MockWeb

_MARKERS = (
    "engines(name, ...): run the test with these engines of the crawler, and with no others",
    "skip_engine(name, reason): skip the test with this engine of the crawler, and say why",
)


def pytest_configure(config: pytest.Config) -> None:
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "crawler_engine" in metafunc.fixturenames:
        metafunc.parametrize("crawler_engine", _engines(metafunc.definition))


@pytest.fixture
def mock_web() -> Iterator["MockWeb"]:
    """A ``crawler.testing.MockWeb``, running: the whole web of every crawl within the test."""
    with _ours("crawler.testing").MockWeb() as web:
        yield web


@pytest.fixture
def engine(crawler_engine: str) -> str:
    """Name of a fetch engine, for ``crawler.crawl(…, engine=engine)``: the test runs with each.

    ``@pytest.mark.engines("curl", "aiohttp")`` is for tests that are about some of them only,
    ``@pytest.mark.skip_engine("threads", "reason")`` for one that cannot do what is tested.
    """
    return crawler_engine


def _engines(test: pytest.Item) -> list[object]:
    """What ``test`` runs with, as its marks say."""
    engines: tuple[str, ...] = _ours("crawler.engines.names").ENGINES
    skips, only = _skips(test), _only(test)
    names = engines if only is None else only
    for name in (*names, *skips):
        if name not in engines:
            _refuse(test, f"no engine is called {name!r}; there are {', '.join(engines)}")
    return [
        pytest.param(name, marks=skips.get(name, ()), id=name) for name in engines if name in names
    ]


def _ours(name: str) -> Any:
    """The module ``name`` of the crawler that this plugin came with."""
    try:
        return import_module(name)
    except ImportError:
        found = getattr(sys.modules.get("crawler"), "__file__", None)
        pytest.fail(
            f"the fixtures of simulcrawl need its package crawler, but here crawler is {found}",
            pytrace=False,
        )


def _only(test: pytest.Item) -> tuple[object, ...] | None:
    mark = test.get_closest_marker("engines")
    if mark is not None and (not mark.args or mark.kwargs):
        _refuse(test, 'the mark engines takes names: engines("curl", "aiohttp")')
    return mark.args if mark else None


def _skips(test: pytest.Item) -> dict[str, pytest.MarkDecorator]:
    """For each engine to be skipped the mark that does it; the closest to ``test`` counts."""
    skips: dict[str, pytest.MarkDecorator] = {}
    for mark in test.iter_markers("skip_engine"):
        match (*mark.args, *mark.kwargs.values()):
            case (str(name), str(reason)) if reason:
                skips.setdefault(name, pytest.mark.skip(reason=reason))
            case _:
                _refuse(test, 'the mark skip_engine takes a name and why: skip_engine("curl", "…")')
    return skips


def _refuse(test: pytest.Item, message: str) -> NoReturn:
    pytest.fail(f"{test.nodeid}: {message}", pytrace=False)
