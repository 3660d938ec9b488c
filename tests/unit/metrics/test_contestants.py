"""A contestant is called by what differs in its comparison."""

import pytest

from crawler.metrics.contestants import Contestant, Naming

CURL = Contestant("curl", 64, "process", 2)
INLINE = Contestant("curl", 64, "inline")
THREADS = Contestant("threads", 64, "process", 2)


@pytest.mark.parametrize(
    ("others", "name"),
    [
        ([THREADS], "curl at 64"),
        ([Contestant("curl", 8, "process", 2)], "curl at 64"),
        ([INLINE], "process with 2 workers"),
        ([Contestant("curl", 64, "process", 1)], "process with 2 workers"),
        ([INLINE, THREADS], "curl at 64, process with 2 workers"),
        ([], "curl at 64"),
    ],
)
def test_a_name_has_only_what_differs(others: list[Contestant], name: str) -> None:
    assert Naming([CURL, *others]).name(CURL) == name


def test_an_executor_without_workers_names_none() -> None:
    assert Naming([CURL, INLINE]).name(INLINE) == "inline"
    assert Contestant("curl", 64, "process", 1).parsing == "process with 1 worker"


def test_a_record_without_a_way_to_parse_is_named_as_before() -> None:
    old = [Contestant("curl", 64), Contestant("threads", 64)]
    assert [Naming(old).name(each) for each in old] == ["curl at 64", "threads at 64"]


def test_two_engines_are_named_alone_and_the_rest_once() -> None:
    assert str(Naming([CURL, THREADS]).pair(CURL, THREADS)) == "curl and threads at 64"
    found = Naming([CURL, THREADS, INLINE]).pair(CURL, THREADS)
    assert str(found) == "curl and threads at 64, process with 2 workers"


def test_two_ways_to_parse_are_named_alone_and_the_rest_once() -> None:
    assert str(Naming([CURL, INLINE]).pair(CURL, INLINE)) == "process with 2 workers and inline"
    found = Naming([CURL, INLINE, THREADS]).pair(CURL, INLINE)
    assert str(found) == "process with 2 workers and inline, with curl at 64"
    assert found.shared == "with curl at 64"
