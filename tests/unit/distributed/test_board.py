"""Which shard is ordered, what the books say, and when a shard is given up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.distributed.board import MOST_LOST, REST_S, Board
from crawler.distributed.records import ShardStanding
from crawler.frontier.entry import Counts
from crawler.model.errors import StateError
from crawler.runs.shards import INPUT


def standing(shard: int, pending: int = 0, done: int = 0, **changes: object) -> ShardStanding:
    counts = Counts(input=pending + done, done=done)
    return ShardStanding(shard, counts=counts, **changes)  # type: ignore[arg-type]


def board(*standings: ShardStanding) -> Board:
    made = Board(len(standings))
    for each in standings:
        made.stands(each)
    return made


def test_a_lost_answer_does_not_end_a_crawl() -> None:
    """Shard 0 has sent letters to shard 1, and its answer that says so never comes."""
    found = board(standing(0, pending=1), standing(1))
    assert found.next(0.0) == 0
    found.order(0)
    found.lost(0, 0.0, "killed")
    assert found.unseen == {0}, "nobody knows how far it came"
    assert not found.is_over
    assert found.next(9.0) is None
    found.stands(standing(0, done=1, turn=1, links=9, sent={1: 1}))
    assert not found.is_over
    assert found.logs(1) == {0: 9}
    assert found.next(0.0) == 1
    found.order(1)
    found.stands(standing(1, done=1, turn=1, received={0: 1}))
    assert not found.is_over, "it is still ordered"
    found.answered(1, 1.0)
    assert found.next(9.0) == 0, "else the lost order could begin when all is over"
    assert found.order(0) == 2
    assert found.next(9.0) is None
    found.answered(0, 9.0)
    assert found.is_over


def test_the_shard_that_has_waited_longest_is_next() -> None:
    found = board(*(standing(n, pending=1) for n in range(3)))
    for number, now in [(0, 1.0), (1, 2.0), (2, 3.0), (0, 4.0)]:
        assert found.next(now) == number
        found.order(number)
        found.answered(number, now)


def test_a_turn_is_larger_than_all_before() -> None:
    found = board(standing(0, pending=1, turn=7))
    assert found.order(0) == 8
    found.lost(0, 0.0, "killed")
    found.stands(standing(0, pending=1, turn=7))
    assert found.order(0) == 9, "the lost one may begin yet"


def test_a_shard_rests_after_an_order_that_brought_nothing() -> None:
    found = board(standing(0, pending=1))
    found.order(0)
    found.rest(0, 5.0)
    assert found.next(5.0) is None
    found.stands(standing(0, pending=1))
    assert found.next(5.0) is None
    assert found.wakes_at(5.0) == 5.0 + REST_S
    assert found.next(5.0 + REST_S) == 0


def test_old_news_change_nothing() -> None:
    found = board(standing(0, pending=1, turn=4))
    found.stands(standing(0, done=9, turn=3))
    assert found.standings == [standing(0, pending=1, turn=4)]


def test_the_input_is_a_source_like_a_shard() -> None:
    found = board(standing(0, received={INPUT: 2}))
    found.divided({0: 2}, 70, has_ended=True)
    assert found.is_over
    found.divided({0: 3}, 90, has_ended=True)
    assert not found.is_over
    assert found.logs(0) == {INPUT: 90}


def test_many_lost_orders_in_a_row_are_a_failure_of_the_shard() -> None:
    found = board(standing(0, pending=9), standing(1, pending=1))
    for _ in range(MOST_LOST):
        found.order(0)
        found.lost(0, 0.0, "killed")
        found.stands(standing(0, pending=9))
    assert not found.failed
    found.lost(0, 0.0, "killed by signal 9")
    assert found.failed == {
        0: f"{MOST_LOST + 1} sessions ended without a result: killed by signal 9"
    }
    assert found.next(9.0) == 1, "the others continue"


def test_a_page_in_between_makes_up_for_lost_orders() -> None:
    found = board(standing(0, pending=99))
    for number in range(5 * MOST_LOST):
        found.order(0)
        found.lost(0, 0.0, "killed")
        found.stands(standing(0, pending=99, done=number + 1))
    assert not found.failed


def test_every_shard_is_visited_though_it_has_no_work() -> None:
    found = board(standing(0), standing(1))
    found.visit_all()
    assert not found.is_over
    for number in (0, 1):
        assert found.next(0.0) == number
        found.order(number)
        found.answered(number, 0.0)
    assert found.is_over


# A shard that failed


def test_letters_to_a_shard_that_failed_do_not_keep_the_others() -> None:
    found = board(standing(0, done=1, sent={1: 5}, links=9), standing(1))
    assert not found.is_over
    found.fail(1, "damaged")
    assert found.is_over
    assert found.next(0.0) is None


def test_what_a_shard_that_failed_has_sent_is_not_asked() -> None:
    """Its state cannot be read. That is said of it, and the others can go on."""
    found = board(standing(0), standing(1, received={0: 5}))
    found.fail(0, "damaged")
    found.check(1)


# The books


def check(found: Board) -> None:
    for shard in range(3):
        found.check(shard)


BOOKS = st.dictionaries(st.integers(0, 2), st.integers(0, 3), max_size=3)


@given(
    st.lists(BOOKS, min_size=3, max_size=3), st.lists(BOOKS, min_size=3, max_size=3), BOOKS, BOOKS
)
def test_more_received_than_sent_is_a_loss(
    sent: list[dict[int, int]],
    received: list[dict[int, int]],
    by_input: dict[int, int],
    from_input: dict[int, int],
) -> None:
    standings = [
        standing(n, sent=sent[n], received={**received[n], INPUT: from_input.get(n, 0)})
        for n in range(3)
    ]
    found = board(*standings)
    found.divided(by_input, 100, has_ended=True)
    is_lost = any(
        received[reader].get(source, 0) > sent[source].get(reader, 0)
        for reader in range(3)
        for source in range(3)
    ) or any(from_input.get(n, 0) > by_input.get(n, 0) for n in range(3))
    if is_lost:
        with pytest.raises(StateError, match=r"shard \d has received .* restore all of them"):
            check(found)
    else:
        check(found)


@pytest.mark.parametrize("act", [Board.order, Board.hide])
def test_a_shard_that_is_crawled_may_have_sent_more(act: object) -> None:
    found = board(standing(0), standing(1, received={0: 5}))
    with pytest.raises(StateError, match=r"shard 1 has received 5 records from shard 0.* 0"):
        found.check(1)
    act(found, 0)  # type: ignore[operator]
    found.check(1)


numbers = st.dictionaries(st.integers(0, 3), st.integers(0, 5))


@given(st.lists(st.tuples(st.integers(-1, 3), numbers, numbers), max_size=12))
def test_who_has_letters_is_what_the_counters_say(
    news: list[tuple[int, dict[int, int], dict[int, int]]],
) -> None:
    found, counters = Board(4), {n: standing(n) for n in range(4)}
    of_input: dict[int, int] = {}
    for number, (shard, sent, received) in enumerate(news, start=1):
        if shard == INPUT:
            of_input = sent
            found.divided(of_input, number, has_ended=True)
        else:
            taken = {each - 1: count for each, count in received.items()}
            counters[shard] = standing(shard, links=number, sent=sent, received=taken)
            found.stands(counters[shard])
    by_source = {INPUT: of_input, **{n: each.sent for n, each in counters.items()}}
    waiting = [
        {
            source
            for source, sent in by_source.items()
            if sent.get(target, 0) > counters[target].received.get(source, 0)
        }
        for target in range(4)
    ]
    assert [found.logs(target).keys() for target in range(4)] == waiting
    assert found.is_over is not any(waiting)


class Counting(dict[int, int]):
    looks = 0

    def get(self, key: int, default: int = 0) -> int:  # type: ignore[override]
        Counting.looks += 1
        return super().get(key, default)


def test_a_look_for_the_next_shard_does_not_compare_each_shard_with_each() -> None:
    """With 4,000 shards that took a second of the driver for each order."""
    everyone = dict.fromkeys(range(100), 1)
    found = board(
        *(
            standing(n, links=9, sent=Counting(everyone), received=Counting(everyone))
            for n in range(100)
        )
    )
    Counting.looks = 0
    assert (found.next(0.0), found.is_over) == (None, True)
    assert Counting.looks == 0
