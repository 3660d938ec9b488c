"""The pytest plugin: a mocked web, and tests that run with every fetch engine.

pytest loads this plugin in every project of an environment where the crawler is installed. So it is
outside the package ``crawler``, because a project may have its own package of that name, and
imports nothing of the crawler before a test uses a fixture.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from crawler.testing import MockWeb

_MARKERS = (
    "engines(name, ...): run the test only with these engines of the crawler",
    "skip_engine(name, reason): skip the test with this engine of the crawler",
)
pytest.register_assert_rewrite("crawler.testing.contract")  # so that it also shows the values


def pytest_configure(config: pytest.Config) -> None:
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "crawler_engine" in metafunc.fixturenames:
        metafunc.parametrize("crawler_engine", _engines(metafunc.definition))


@pytest.fixture
def mock_web() -> Iterator["MockWeb"]:
    """A running ``crawler.testing.MockWeb``: every crawl of the test sees only this web."""
    with _import("crawler.testing").MockWeb() as web:
        yield web


@pytest.fixture
def engine(crawler_engine: str) -> str:
    """Name of a fetch engine, for ``crawler.crawl(…, engine=engine)``: the test runs with each.

    ``@pytest.mark.engines("curl", "aiohttp")`` runs the test only with the named engines,
    ``@pytest.mark.skip_engine("threads", "reason")`` skips it with one engine.
    """
    return crawler_engine


def _engines(test: pytest.Item) -> list[object]:
    """The engines that ``test`` runs with: all that are installed, or those of its marks."""
    known = _import("crawler.engines.names")
    engines: tuple[str, ...] = known.ENGINES
    skips, only = _skips(test), _only(test)
    names = known.installed_engines() if only is None else only
    for name in (*names, *skips):
        if name not in engines:
            _refuse(test, f"unknown engine {name!r}; available: {', '.join(engines)}")
    return [
        pytest.param(name, marks=skips.get(name, ()), id=name) for name in engines if name in names
    ]


def _import(name: str) -> Any:
    """Import the module ``name`` of the crawler; fail the test if another package has that name."""
    try:
        return import_module(name)
    except ImportError:
        found = getattr(sys.modules.get("crawler"), "__file__", None)
        pytest.fail(
            f"the fixtures of simulcrawl need its package crawler, but crawler here is {found}",
            pytrace=False,
        )


def _only(test: pytest.Item) -> tuple[object, ...] | None:
    mark = test.get_closest_marker("engines")
    if mark is not None and (not mark.args or mark.kwargs):
        _refuse(test, 'the mark engines needs names: engines("curl", "aiohttp")')
    return mark.args if mark else None


def _skips(test: pytest.Item) -> dict[str, pytest.MarkDecorator]:
    """Engine to skip → the mark for it; the mark closest to ``test`` wins."""
    skips: dict[str, pytest.MarkDecorator] = {}
    for mark in test.iter_markers("skip_engine"):
        match (*mark.args, *mark.kwargs.values()):
            case (str(name), str(reason)) if reason:
                skips.setdefault(name, pytest.mark.skip(reason=reason))
            case _:
                _refuse(
                    test, 'the mark skip_engine needs a name and a reason: skip_engine("curl", "…")'
                )
    return skips


def _refuse(test: pytest.Item, message: str) -> NoReturn:
    pytest.fail(f"{test.nodeid}: {message}", pytrace=False)
