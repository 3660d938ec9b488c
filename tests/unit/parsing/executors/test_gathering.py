"""How pages become batches: none lost, in order, never more than a whole batch."""

from hypothesis import given
from hypothesis import strategies as st
from support.executors import task

from crawler.parsing.batch import Task
from crawler.parsing.executors.gathering import MOST_PAGES, Gathering

MEGABYTE = 1 << 20


def sized(number: int, size: int) -> Task:
    return task(number, "http://a.example/", b"x" * size)


def numbers(batch: tuple[Task, ...]) -> list[int]:
    return [each.job.id for each in batch]


def filled(count: int, size: int = 10, page_s: float = 0.0001) -> Gathering:
    gathering = Gathering()
    gathering.learn(page_s)
    for number in range(count):
        gathering.add(sized(number, size))
    return gathering


@given(st.lists(st.integers(0, 300_000), max_size=200), st.floats(1e-5, 10.0))
def test_batches_have_every_page_once_and_in_order(sizes: list[int], page_s: float) -> None:
    gathering = Gathering()
    gathering.learn(page_s)
    for number, size in enumerate(sizes):
        gathering.add(sized(number, size))
    taken: list[int] = []
    while gathering:
        batch = gathering.take()
        assert 1 <= len(batch) <= MOST_PAGES
        assert sum(len(each.body) for each in batch[:-1]) < MEGABYTE
        taken += numbers(batch)
    assert taken == list(range(len(sizes)))
    assert not gathering.is_whole


@given(st.integers(1, 300), st.data())
def test_pages_that_are_put_back_are_next(count: int, data: st.DataObject) -> None:
    gathering = filled(count)
    batch = gathering.take()
    kept = data.draw(st.integers(0, len(batch)))
    gathering.put_back(batch[kept:])
    rest: list[int] = []
    while gathering:
        rest += numbers(gathering.take())
    assert rest == list(range(kept, count))


def test_a_batch_is_whole_by_its_pages_or_its_bytes() -> None:
    assert not filled(MOST_PAGES - 1).is_whole
    assert filled(MOST_PAGES).is_whole
    assert not filled(3, MEGABYTE // 4).is_whole
    assert filled(4, MEGABYTE // 4).is_whole


def test_the_bytes_of_what_was_taken_do_not_count() -> None:
    gathering = filled(8, MEGABYTE // 4)
    assert len(gathering.take()) == 4
    assert gathering.is_whole
    gathering.put_back(gathering.take()[1:])
    assert not gathering.is_whole


def test_batches_of_slow_pages_are_small() -> None:
    slow = filled(100, page_s=0.02)
    assert len(slow.take()) == 2
    very_slow = filled(100, page_s=3.0)
    assert len(very_slow.take()) == 1
    fast = filled(200)
    assert len(fast.take()) == MOST_PAGES


def test_the_usual_time_follows_the_pages() -> None:
    gathering = filled(0, page_s=0.001)
    assert gathering.usual_s == 0.001
    for _ in range(100):
        gathering.learn(0.01)
    assert 0.009 < gathering.usual_s <= 0.01
