"""Which executors run, and with how many workers."""

from typing import Any

import pytest

from crawler.compare.options import CompareOptions
from crawler.model.errors import UsageError
from crawler.settings import usable_cores


def options(
    executors: str = "", workers: str = "", variables: dict[str, str] | None = None, **flags: Any
) -> CompareOptions:
    """``executors`` and ``workers`` with spaces between."""
    return CompareOptions(
        {"sources": ("http://a.example/",), **flags},
        None,
        ("curl",),
        (8,),
        5,
        executors=tuple(executors.split()),
        workers=tuple(workers.split()),
        variables=variables or {},
    )


@pytest.mark.parametrize(
    ("executors", "workers", "expected"),
    [
        ("", "", [("process", usable_cores())]),
        ("inline", "", [("inline", 0)]),
        ("none", "", [("none", 1)]),
        ("none", "2", [("none", 2)]),
        ("", "1 3", [("process", 1), ("process", 3)]),
        ("thread", "3", [("thread", 3)]),
        ("process inline", "", [("process", usable_cores()), ("inline", 0)]),
        ("inline process", "1 2 1", [("inline", 0), ("process", 1), ("process", 2)]),
        ("thread thread", "2", [("thread", 2)]),
    ],
)
def test_every_executor_has_every_number_of_workers(
    executors: str, workers: str, expected: list[tuple[str, int]]
) -> None:
    assert options(executors, workers).parsings() == tuple(expected)


def test_settings_decide_what_is_not_asked_for() -> None:
    variables = {"CRAWLER_PARSE": "thread", "CRAWLER_WORKERS": "3"}
    assert options(variables=variables).parsings() == (("thread", 3),)
    some = options("inline process", variables=variables)
    assert some.parsings() == (("inline", 0), ("process", 3))
    assert some.common().parse == "inline"


@pytest.mark.parametrize(
    ("executors", "workers", "says"),
    [
        ("process fork", "", "--parse must be one of process, "),
        ("process", "1 many", "--workers must be a whole number from 1 to 256, not 'many'"),
        ("process", "0", "--workers must be a whole number from 1 to 256, not '0'"),
        ("inline", "2", "--workers "),
        ("process none", "", "--parse none does not parse, so its results are not those of other"),
    ],
)
def test_what_cannot_run_is_refused(executors: str, workers: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        options(executors, workers).parsings()
    assert str(caught.value).startswith(says)


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(UsageError, match="--parse must be"):
        CompareOptions({}, None, ("curl",), (8,), 5, executors=("process", "")).parsings()
