"""Links that lead on without end are known by how they look."""

import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.frontier.quota import Quota
from crawler.model.traps import Traps


@pytest.mark.promise("P28")
@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("", None),
        ("a/b/c/d/e/f/g/h/i", None),
        ("a/a/a/a", None),
        ("a/a/a/a/a", "more than 4 times"),
        ("a/b/a/b/a/b/a/b/a/", "more than 4 times"),
        ("/////////", None),
        ("aa/a/aaa/aaaa/aaaaa", None),
        ("2024/01/01/01/page/01", None),
        ("x?p=1&p=1&p=1&p=1", None),
        ("x?p=1&p=1&p=1&p=1&p=1", "more than 4 times"),
        ("x?p=1&p=2&p=3&p=4&p=5&p=6", None),
        ("x" * 1991, None),
        ("x" * 1992, "longer than 2000"),
    ],
)
def test_traps_are_recognised(path: str, says: str | None) -> None:
    reason = Traps().reason(f"http://h/{path}")
    assert reason is None if says is None else reason is not None and says in reason


@pytest.mark.promise("P28")
def test_trap_bounds_can_be_changed() -> None:
    traps = pickle.loads(pickle.dumps(Traps(30, 1)))
    assert traps.reason("http://h/a/b") is None
    assert "1 times" in traps.reason("http://h/a/b/a")
    assert "30" in traps.reason("http://h/" + "x" * 40)
    assert Traps(None, None).reason("http://h/" + "a/" * 3000) is None


@pytest.mark.promise("P28")
@given(st.lists(st.sampled_from("abc"), max_size=20), st.integers(1, 6))
def test_only_repeated_segments_make_a_trap(segments: list[str], most: int) -> None:
    often = max(map(segments.count, segments), default=0)
    reason = Traps(None, most).reason("http://a/" + "/".join(segments))
    assert (reason is not None) is (often > most)


@pytest.mark.promise("P28")
def test_checking_a_link_takes_linear_time() -> None:
    def cost(length: int) -> float:
        urls = [f"http://h/{'/'.join(map(str, range(length)))}/x/x/x/x/x/x" for _ in range(20)]
        best = float("inf")
        for _ in range(5):
            before = time.process_time()
            for url in urls:
                Traps(None).reason(url)
            best = min(best, time.process_time() - before)
        return best

    assert cost(4000) < 40 * cost(400)


@pytest.mark.promise("P28")
def test_pages_of_a_host_are_bounded() -> None:
    quota = Quota(3, {"a": 1})
    quota.add("a")
    assert quota.reason("a") is None
    quota.add("a")
    reason = quota.reason("a")
    assert reason is not None
    assert "3 pages" in reason
    assert quota.reason("b") is None


def test_without_a_bound_nothing_is_counted() -> None:
    quota = Quota(None)
    for _ in range(1000):
        quota.add("a")
    assert quota.reason("a") is None
