"""``--max-pages`` holds for all shards together, whatever happens to orders."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from crawler.distributed.allowance import Allowances
from crawler.distributed.records import ShardStanding
from crawler.frontier.entry import Counts

SHARDS = 3
MOST = 12
shard_numbers = st.integers(0, SHARDS - 1)


class FakeShard:
    """A shard that has as many pages as it is allowed to bring.

    ``orders`` have the turns and pages of orders that a worker may begin.
    """

    def __init__(self) -> None:
        self.done = self.begun = self.turn = 0
        self.orders: dict[int, int] = {}
        self.limit: int | None = None
        self.is_ordered = self.is_unseen = False

    @property
    def can_begin(self) -> list[int]:
        return [turn for turn in self.orders if turn > self.begun]


class Orders(RuleBasedStateMachine):
    """Orders are given, begin late or not at all, are lost, and are answered."""

    def __init__(self) -> None:
        super().__init__()
        self.allowances = Allowances(MOST)
        self.shards = [FakeShard() for _ in range(SHARDS)]
        self.standings = [ShardStanding(number) for number in range(SHARDS)]

    @rule(number=shard_numbers, free=st.integers(1, SHARDS))
    def give(self, number: int, free: int) -> None:
        shard = self.shards[number]
        if shard.is_ordered or shard.is_unseen:
            return
        pages = self.allowances.share(number, self.standings, free)
        assert pages is not None
        if pages:
            shard.turn += 1
            self.allowances.give(number, shard.turn, pages)
            shard.orders[shard.turn] = pages
            shard.is_ordered = True

    @rule(number=shard_numbers, oldest=st.booleans())
    def begin(self, number: int, oldest: bool) -> None:
        shard = self.shards[number]
        if shard.can_begin and shard.limit is None:
            shard.begun = min(shard.can_begin) if oldest else max(shard.can_begin)
            shard.limit = shard.orders.pop(shard.begun)

    @rule(number=shard_numbers, pages=st.integers(1, MOST))
    def bring(self, number: int, pages: int) -> None:
        shard = self.shards[number]
        if shard.limit is not None:
            shard.done = max(shard.done, min(shard.limit, shard.done + pages))

    @rule(number=shard_numbers)
    def end(self, number: int) -> None:
        shard = self.shards[number]
        if shard.limit is None:
            return
        shard.limit = None
        if shard.is_ordered and shard.begun == shard.turn:
            shard.is_ordered = False
            self._see(number)

    @rule(number=shard_numbers)
    def lose(self, number: int) -> None:
        shard = self.shards[number]
        if shard.is_ordered:
            shard.is_ordered, shard.is_unseen = False, True

    @rule(number=shard_numbers)
    def look(self, number: int) -> None:
        shard = self.shards[number]
        if shard.is_unseen and shard.limit is None:
            shard.is_unseen = False
            self._see(number)

    def _see(self, number: int) -> None:
        shard = self.shards[number]
        counts = Counts(input=MOST, done=shard.done)
        self.standings[number] = ShardStanding(number, turn=shard.begun, counts=counts)
        self.allowances.take_back(self.standings[number])

    @precondition(lambda self: all(not each.can_begin for each in self.shards))
    @rule()
    def all_pages_come_in_the_end(self) -> None:
        """Nothing is on its way, so what is left can be given to any shard."""
        for number, shard in enumerate(self.shards):
            self.end(number)
            shard.is_ordered = shard.is_unseen = False
            self._see(number)
        left = MOST - sum(each.done for each in self.shards)
        assert self.allowances.left(self.standings) == left
        assert self.allowances.is_enough(self.standings) == (left == 0)
        pages = self.allowances.share(0, self.standings, 1)
        assert pages == (self.shards[0].done + left if left else 0)

    @invariant()
    def no_more_pages_than_allowed(self) -> None:
        assert sum(each.done for each in self.shards) <= MOST


TestOrders = Orders.TestCase
TestOrders.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


def test_what_is_left_is_shared_between_the_slots() -> None:
    allowances = Allowances(100)
    standings = [ShardStanding(0), ShardStanding(1, counts=Counts(input=50, done=20))]
    assert allowances.share(0, standings, 2) == 40
    allowances.give(0, 1, 40)
    assert allowances.left(standings) == 40
    assert allowances.share(1, standings, 1) == 60


def test_without_a_limit_nothing_is_shared() -> None:
    allowances = Allowances(None)
    standings = [ShardStanding(0)]
    assert allowances.share(0, standings, 1) is None
    allowances.give(0, 1, None)
    assert allowances.left(standings) is None
    assert not allowances.is_enough(standings)


def test_an_order_that_was_lost_may_still_begin() -> None:
    allowances, standings = Allowances(10), [ShardStanding(0), ShardStanding(1)]
    allowances.give(0, 1, 10)
    allowances.take_back(ShardStanding(0))
    assert allowances.share(1, standings, 1) == 0
    assert allowances.share(0, standings, 1) == 10
    allowances.take_back(ShardStanding(0, turn=2))
    assert allowances.share(1, standings, 1) == 10
