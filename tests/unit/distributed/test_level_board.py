"""All shards request one depth after the other."""

from crawler.distributed.board import Board
from crawler.distributed.levels import Levels
from crawler.distributed.records import ShardStanding
from crawler.frontier.entry import Counts

NOW = 10.0


def board(shards: int = 2) -> Board:
    found = Board(shards, Levels())
    for number in range(shards):
        found.stands(ShardStanding(number))
    return found


def pending(
    shard: int, depth: int, turn: int = 0, sent: dict[int, int] | None = None
) -> ShardStanding:
    counts = Counts(input=1)
    return ShardStanding(shard, turn, counts=counts, depth=depth, sent=sent or {})


def orders(found: Board) -> list[int]:
    """The shards that are ordered now; none of them has answered yet."""
    ordered = []
    while (shard := found.next(NOW)) is not None:
        found.order(shard)
        ordered.append(shard)
    return ordered


def end(found: Board, *standings: ShardStanding) -> None:
    for each in standings:
        found.stands(each)
        found.answered(each.shard, NOW)


def test_nothing_is_requested_before_all_lines_are_divided() -> None:
    found = board()
    found.divided({0: 1}, 100, has_ended=False)
    assert orders(found) == []
    found.divided({0: 1, 1: 1}, 200, has_ended=True)
    assert orders(found) == [0, 1]


def test_a_deeper_page_waits_for_all_shards() -> None:
    found = board()
    found.divided({}, 0, has_ended=True)
    end(found, pending(0, 0), pending(1, 1))
    assert (orders(found), found.depth) == ([0], 0)
    end(found, pending(0, 1, turn=1))
    assert (orders(found), found.depth) == ([0, 1], 1)


def test_letters_are_taken_before_the_next_level_by_all_shards_at_once() -> None:
    found = board(3)
    found.divided({}, 0, has_ended=True)
    end(found, pending(0, 0))
    assert orders(found) == [0]
    end(found, pending(0, 2, turn=1, sent={1: 4, 2: 5}))
    assert (sorted(orders(found)), found.depth) == ([1, 2], 0)
    taken = [
        ShardStanding(each, 1, counts=Counts(discovered=1), received={0: 3 + each}, depth=1)
        for each in (1, 2)
    ]
    end(found, *taken)
    assert (sorted(orders(found)), found.depth) == ([1, 2], 1)


def test_a_redirect_brings_a_page_of_this_level() -> None:
    found = board()
    found.divided({}, 0, has_ended=True)
    end(found, pending(0, 0))
    assert orders(found) == [0]
    end(found, pending(0, 1, turn=1, sent={1: 1}))
    assert orders(found) == [1]
    moved = ShardStanding(1, 1, counts=Counts(input=1), received={0: 1}, depth=0, is_read=True)
    end(found, moved)
    assert (orders(found), found.depth) == ([1], 0)


def test_a_shard_of_which_nothing_is_known_holds_the_level() -> None:
    found = board()
    found.divided({}, 0, has_ended=True)
    end(found, pending(0, 1))
    found.hide(1)
    assert (orders(found), found.depth) == ([], 0)
    found.stands(ShardStanding(1))
    assert (orders(found), found.depth) == ([0], 1)


def test_it_is_over_when_no_entry_of_any_depth_is_pending() -> None:
    found = board()
    found.divided({}, 0, has_ended=True)
    end(found, pending(0, 5))
    assert not found.is_over
    end(found, ShardStanding(0, counts=Counts(input=1, done=1)))
    assert found.is_over
