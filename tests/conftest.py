"""Shared by all tests; being here puts tests/ on the path, so that ``support`` can be imported.

A test that needs a program this machine lacks is skipped, or fails where the environment has
``TESTS_MUST_RUN``: then no test may be skipped, for whatever reason.

Tests marked ``long`` take minutes. They run with ``--long``, and then no other test runs.
"""

import os
from collections.abc import Generator

import pytest
from support.needs import missing


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests marked long, no others")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = config.getoption("--long")
    config.hook.pytest_deselected(items=[item for item in items if _is_long(item) != asked])
    items[:] = [item for item in items if _is_long(item) == asked]


def _is_long(item: pytest.Item) -> bool:
    return item.get_closest_marker("long") is not None


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers():
        reason = missing(marker.name)
        if reason:
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _must_run(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _must_run(report)
    return report


def _must_run(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("TESTS_MUST_RUN") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which is not allowed here: {report.longreprtext}"
