"""Who takes part, in which order, and who is set beside whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.compare.plan import pairs, plan, turns
from crawler.engines.base import Capabilities
from crawler.metrics.contestants import Contestant
from crawler.model.errors import UsageError


def able(name: str, most: int | None = None) -> Capabilities:
    return Capabilities(name, "", "", True, False, False, most)


PROCESS = (("process", 2),)
KNOWN = {"curl": able("curl"), "threads": able("threads"), "sequential": able("sequential", 1)}


def test_every_engine_runs_at_every_possible_concurrency() -> None:
    found = plan(["curl", "sequential"], [1, 8], PROCESS, KNOWN)
    assert [each.fetching for each in found.contestants] == [
        "curl at 1",
        "sequential at 1",
        "curl at 8",
    ]
    assert found.left_out == ("sequential at 8: supports at most 1 concurrent request",)


def test_an_engine_named_twice_runs_once() -> None:
    found = plan(["curl", "curl", "threads"], [8, 8], PROCESS, KNOWN)
    assert [each.fetching for each in found.contestants] == ["curl at 8", "threads at 8"]


def test_everything_parses_in_every_way() -> None:
    found = plan(["curl", "sequential"], [1, 8], [("process", 2), ("inline", 0)], KNOWN)
    assert list(map(str, found.contestants)) == [
        "curl at 1, process with 2 workers",
        "curl at 1, inline",
        "sequential at 1, process with 2 workers",
        "sequential at 1, inline",
        "curl at 8, process with 2 workers",
        "curl at 8, inline",
    ]
    assert found.left_out == ("sequential at 8: supports at most 1 concurrent request",)


def test_two_ways_to_parse_are_enough() -> None:
    found = plan(["curl"], [8], [("process", 1), ("process", 2)], KNOWN)
    assert len(found.contestants) == 2


@pytest.mark.parametrize(("engines", "at"), [(["curl"], [8]), (["curl", "sequential"], [8])])
def test_one_contestant_alone_is_refused(engines: list[str], at: list[int]) -> None:
    with pytest.raises(UsageError, match="needs at least two engines"):
        plan(engines, at, PROCESS, KNOWN)


@given(st.integers(2, 6), st.integers(1, 4))
def test_an_even_drift_favours_no_contestant(count: int, half: int) -> None:
    """In an even number of blocks each stands at the same place on average."""
    contestants = [Contestant("curl", number + 1) for number in range(count)]
    order = list(turns(contestants, 2 * half))
    places = {
        each: sum(at for at, turn in enumerate(order) if turn.contestant == each)
        for each in contestants
    }
    assert len(set(places.values())) == 1
    assert len(order) == 2 * half * count


def test_a_pair_of_runs_is_in_one_block() -> None:
    a, b = Contestant("a", 1), Contestant("b", 1)
    assert [(t.contestant.engine, t.repeat) for t in turns([a, b], 3)] == [
        ("a", 1),
        ("b", 1),
        ("b", 2),
        ("a", 2),
        ("a", 3),
        ("b", 3),
    ]


def test_engines_are_paired_at_the_same_concurrency_only() -> None:
    names = [("a", 1), ("b", 1), ("a", 8), ("b", 8), ("c", 8)]
    found = [(x.engine, y.engine, x.concurrency) for x, y in pairs([Contestant(*n) for n in names])]
    assert found == [("a", "b", 1), ("a", "b", 8), ("a", "c", 8), ("b", "c", 8)]


def test_ways_to_parse_are_paired_where_one_thing_differs() -> None:
    ways = [("process", 1), ("process", 2), ("thread", 1), ("thread", 2), ("inline", 0)]
    found = [
        (a.parsing, b.parsing) for a, b in pairs([Contestant("curl", 8, *each) for each in ways])
    ]
    p1, p2 = "process with 1 worker", "process with 2 workers"
    t1, t2 = "thread with 1 worker", "thread with 2 workers"
    assert set(found) == {
        *((p1, p2), (p1, t1), (p2, t2), (t1, t2)),
        *((p1, "inline"), (p2, "inline"), (t1, "inline"), (t2, "inline")),
    }
    assert len(found) == 8


def test_an_engine_and_a_way_to_parse_are_two_differences() -> None:
    a, b = Contestant("a", 1, "process", 2), Contestant("b", 1, "inline")
    assert list(pairs([a, b])) == []
    assert len(list(pairs([a, b, Contestant("b", 1, "process", 2)]))) == 2
