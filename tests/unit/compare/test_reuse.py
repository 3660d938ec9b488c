"""An engine is accused only of connections that it had no reason to open, and another did not."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.reports import REPORT

from crawler.compare.results import FetchLine
from crawler.compare.reuse import Reuse, needed, reuse_of, unequal_reuse
from crawler.localweb.request_log import Account
from crawler.metrics.contestants import Contestant
from crawler.metrics.report import Connections

KEEPING = {"a", "b", "c"}
SPARING = Reuse(400, 14, 14)


def fetch(start: float, end: float, host: str = "one", error: str | None = None) -> FetchLine:
    """A fetch whose look-up took half of its time."""
    half = (end - start) / 2
    return FetchLine(f"http://{host}.example/page", start, half, half, error)


def said(concurrency: int = 8, **runs: Reuse | Sequence[Reuse]) -> list[str]:
    """What is said of these runs by engine, all at one concurrency."""
    reuse = {
        Contestant(name, concurrency): [made] if isinstance(made, Reuse) else made
        for name, made in runs.items()
    }
    return list(unequal_reuse(reuse, KEEPING))


@pytest.mark.parametrize(
    ("fetches", "enough"),
    [
        ([], 0),
        ([fetch(0, 1), fetch(1.1, 2), fetch(2.1, 3)], 1),
        ([fetch(0, 2), fetch(1, 3), fetch(2.5, 4)], 2),
        ([fetch(0, 1), fetch(1, 2)], 2),
        ([fetch(0, 9), fetch(1, 2), fetch(3, 4)], 2),
        ([fetch(0, 2, "one"), fetch(1, 3, "other")], 2),
        ([fetch(0, 1, "one"), fetch(2, 3, "other")], 2),
        ([fetch(0, 1, error="reset"), fetch(2, 3)], 2),
    ],
)
def test_a_connection_is_needed_for_each_fetch_at_once(
    fetches: list[FetchLine], enough: int
) -> None:
    assert needed(fetches) == enough


def pooled(fetches: Sequence[tuple[int, float, float]]) -> Iterator[bool]:
    """Whether a pool that keeps every connection opens one, fetch by fetch, as they begin."""
    free_at: dict[int, list[float]] = {}
    for host, start, end in sorted(fetches, key=lambda each: each[1]):
        ends = free_at.setdefault(host, [])
        idle = next((number for number, free in enumerate(ends) if free < start), None)
        if idle is None:
            ends.append(end)
        else:
            ends[idle] = end
        yield idle is None


TIMES = st.integers(0, 40)
FETCHES = st.lists(
    st.tuples(st.integers(0, 3), TIMES, TIMES).map(lambda f: (f[0], f[1], f[1] + f[2])),
    max_size=60,
)


@given(FETCHES)
def test_a_pool_that_keeps_connections_needs_exactly_these(
    fetches: list[tuple[int, float, float]],
) -> None:
    lines = [fetch(start, end, f"h{host}") for host, start, end in fetches]
    assert sum(pooled(fetches)) == needed(lines)


def test_both_engines_and_their_numbers_are_named() -> None:
    assert said(a=Reuse(400, 146, 16), b=SPARING) == [
        "a at 8 opened 146 connections for 400 requests, although 16 were enough for those in "
        "flight at once; b at 8 opened 14"
    ]


@pytest.mark.parametrize(
    "runs",
    [
        {"a": Reuse(400, 400, 400), "b": SPARING},  # it had them all in flight at once
        {"a": Reuse(400, 400, 14), "b": Reuse(400, 380, 14)},  # as the server closes them
        {"threads": Reuse(400, 400, 14), "b": SPARING},  # its capabilities say so
        {"a": Reuse(400, 400, 14)},  # nothing to compare with
        {"a": Reuse(400, 400, 14), "threads": Reuse(400, 400, 14)},
        {"a": Reuse(400, 36, 14), "b": SPARING},  # too few to matter
        {"a": Reuse(160, 80, 64), "b": SPARING},  # some of them were freed late
        {"a": Reuse(4, 2, 1), "b": SPARING},
        {"a": [Reuse(400, 400, 14), SPARING, SPARING], "b": SPARING},  # one odd run
    ],
)
def test_nothing_is_said_without_reason(runs: dict[str, Reuse | Sequence[Reuse]]) -> None:
    assert said(**runs) == []


def test_every_engine_that_wastes_connections_is_named() -> None:
    found = said(a=Reuse(400, 400, 14), b=SPARING, c=Reuse(400, 300, 20))
    assert [sentence.split()[0] for sentence in found] == ["a", "c"]
    assert all(sentence.endswith("; b at 8 opened 14") for sentence in found)


def test_only_runs_at_the_same_concurrency_are_compared() -> None:
    reuse = {Contestant("a", 8): [Reuse(400, 400, 14)], Contestant("b", 64): [SPARING]}
    assert list(unequal_reuse(reuse, KEEPING)) == []


FETCHED = [fetch(0, 1), fetch(2, 3), fetch(2.5, 4)]
COUNTED = replace(REPORT, connections=Connections(opened=1, reused=2))


def test_the_server_of_a_replay_counts() -> None:
    account = Account(3, 2, 0, 0.1, 1.0, ())
    assert reuse_of(COUNTED, FETCHED, account) == Reuse(3, 2, 2)


def test_without_a_replay_the_report_counts() -> None:
    assert reuse_of(COUNTED, FETCHED, None) == Reuse(3, 1, 2)


def test_a_sample_of_the_fetches_says_nothing_about_the_need() -> None:
    assert reuse_of(COUNTED, FETCHED[1:], None) is None


def test_a_run_without_a_response_says_nothing() -> None:
    assert reuse_of(replace(REPORT, connections=Connections()), FETCHED, None) is None
