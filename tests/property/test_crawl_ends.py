"""The board never ends a crawl that has work left, whatever happens to its orders and answers.

Shards, their states and their logs are played here by a model that takes one step at a time:
orders wait, begin, commit, end or are killed in any order; answers come late or never; drivers are
replaced while slices of the last one still run.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crawler.distributed.board import REST_S, Board
from crawler.distributed.records import ShardStanding
from crawler.frontier.entry import Counts
from crawler.runs.shards import INPUT

SHARDS = 3
MOST_LINKS = 40
NUMBERS = st.integers(0, SHARDS - 1)


class Order:
    """An order on its way; its ``logs`` are how much it may read of each."""

    def __init__(self, shard: int, turn: int, epoch: int, logs: dict[int, int]) -> None:
        self.shard = shard
        self.turn = turn
        self.epoch = epoch
        self.logs = logs


class Shard:
    """What is on disk of a shard: its state as of the last commit, and its log of links."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.turn = self.sessions = self.pending = self.done = 0
        self.is_read = True
        self.received: Counter[int] = Counter()
        self.log: list[int] = []
        self.crawled_by: Order | None = None

    @property
    def standing(self) -> ShardStanding:
        counts = Counts(input=self.pending + self.done, done=self.done)
        sent, received = dict(Counter(self.log)), dict(self.received)
        return ShardStanding(
            self.number,
            self.turn,
            self.sessions,
            counts,
            len(self.log),
            sent,
            received,
            self.is_read,
        )


class World(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.epoch = self.links = 0
        self.input: list[int] = []
        self.shards = [Shard(number) for number in range(SHARDS)]
        self.waiting: list[Order] = []
        self.running: list[Order] = []
        self.old_news: list[ShardStanding] = []
        self.targets = itertools.cycle(range(SHARDS))

    @initialize()
    def drive(self) -> None:
        """A new driver begins; it knows nothing of the orders of the last one."""
        self.epoch += 1
        self.board = Board(SHARDS)
        self.given: dict[int, Order] = {}
        self.answers: list[tuple[Order, ShardStanding | None]] = []
        for number in range(SHARDS):
            self.board.hide(number)
        self.board.divided(dict(Counter(self.input)), len(self.input), has_ended=True)
        self.look()

    @rule()
    def replace_driver(self) -> None:
        self.drive()

    # What workers do

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self._begin(data.draw(st.sampled_from(self.waiting)))

    def _begin(self, order: Order) -> None:
        """Also one that was given up, or that an old driver gave."""
        self.waiting.remove(order)
        shard = self.shards[order.shard]
        is_old = order.epoch != self.epoch or order.turn <= shard.turn
        if is_old or shard.crawled_by is not None:
            self.answers.append((order, None))
            return
        shard.crawled_by = order
        shard.turn, shard.sessions, shard.is_read = order.turn, shard.sessions + 1, False
        self.running.append(order)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), pages=st.integers(0, 4), is_read=st.booleans())
    def commit(self, data: st.DataObject, pages: int, is_read: bool) -> None:
        order = data.draw(st.sampled_from(self.running))
        self._commit(order, pages, lambda: data.draw(NUMBERS | st.none()))
        self.shards[order.shard].is_read |= is_read

    def _commit(self, order: Order, pages: int, target: Callable[[], int | None]) -> None:
        """The state knows of everything that has come, and of some more pages."""
        shard = self.shards[order.shard]
        for source, end in order.logs.items():
            log = self.input if source == INPUT else self.shards[source].log
            assert end <= len(log), "an order knows of letters that were never committed"
            here = log[:end].count(shard.number)
            shard.pending += max(0, here - shard.received[source])
            shard.received[source] = max(here, shard.received[source])
        for _ in range(min(pages, shard.pending)):
            shard.pending, shard.done = shard.pending - 1, shard.done + 1
            found = target() if self.links < MOST_LINKS else None
            self.links += found is not None
            if found == shard.number:
                shard.pending += 1
            elif found is not None:
                shard.log.append(found)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), is_answered=st.booleans())
    def end(self, data: st.DataObject, is_answered: bool) -> None:
        """It is killed, or its answer is on its way."""
        self._end(data.draw(st.sampled_from(self.running)), is_answered=is_answered)

    def _end(self, order: Order, *, is_answered: bool) -> None:
        self.running.remove(order)
        shard = self.shards[order.shard]
        shard.crawled_by = None
        if is_answered:
            self.answers.append((order, shard.standing))

    # What the driver does

    @rule(shard=NUMBERS, count=st.integers(1, 3))
    def divide(self, shard: int, count: int) -> None:
        self.input += [shard] * count
        self.board.divided(dict(Counter(self.input)), len(self.input), has_ended=True)

    @rule()
    def order(self) -> None:
        number = self.board.next(self.now)
        if number is not None:
            logs = self.board.logs(number)
            self.given[number] = Order(number, self.board.order(number), self.epoch, logs)
            self.waiting.append(self.given[number])

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        self._answer(*data.draw(st.sampled_from(self.answers)))

    def _answer(self, order: Order, standing: ShardStanding | None) -> None:
        """An answer arrives: the last one of its shard, or that of an order which was given up."""
        self.answers.remove((order, standing))
        self.now += REST_S
        if standing is not None:
            self.old_news.append(standing)
        if self.given.get(order.shard) is not order:
            return
        del self.given[order.shard]
        if standing is None:
            self.board.rest(order.shard, self.now)
        else:
            self.board.stands(standing)
            self.board.answered(order.shard, self.now)

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """The engine says that the worker is gone, or the order is late; it may begin all the same,
        and a slice may still run.
        """
        self._lose(data.draw(st.sampled_from(sorted(self.given))))

    def _lose(self, number: int) -> None:
        del self.given[number]
        self.board.rest(number, self.now)

    @rule()
    def look(self) -> None:
        self.now += REST_S
        for number in self.board.ordered:
            self.board.stands(self.shards[number].standing)
        for number in self.board.unseen:
            if self.shards[number].crawled_by is None:
                self.board.stands(self.shards[number].standing)

    @precondition(lambda self: self.old_news)
    @rule(data=st.data())
    def hear_old_news(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from(self.old_news))
        known = self.board.standings[old.shard]
        if old.turn < known.turn and old.shard not in self.board.unseen:
            self.board.stands(old)
            assert self.board.standings[old.shard] == known

    # What must hold

    def _has_work(self) -> bool:
        logs = {INPUT: self.input, **{each.number: each.log for each in self.shards}}
        return any(
            each.pending
            or not each.is_read
            or each.crawled_by is not None
            or any(log.count(each.number) > each.received[source] for source, log in logs.items())
            for each in self.shards
        )

    @invariant()
    def it_is_over_only_without_work(self) -> None:
        assert not (self.board.is_over and self._has_work())

    @invariant()
    def the_books_are_right(self) -> None:
        for number in range(SHARDS):
            self.board.check(number)

    @invariant()
    def a_shard_is_ordered_only_once_at_a_time(self) -> None:
        assert self.board.ordered == self.given.keys()
        assert self.board.next(self.now) not in {*self.given, *self.board.unseen}

    def teardown(self) -> None:
        """If nothing more is lost, the crawl ends, and no shard with work waits for ever."""
        if self.epoch == 0:
            return
        waits: Counter[int] = Counter()
        for _ in range(10 * (MOST_LINKS + len(self.input) + SHARDS)):
            self._let_workers_work()
            self.look()
            if self.board.is_over:
                break
            ready = self._ready()
            self.order()
            waits = Counter({each: waits[each] + 1 for each in ready - self.given.keys()})
            assert max(waits.values(), default=0) <= SHARDS, "a shard has no turn"
        assert self.board.is_over
        assert not self._has_work()
        for number in range(SHARDS):
            self.board.check(number)

    def _let_workers_work(self) -> None:
        for order in self.waiting[:]:
            self._begin(order)
        for order in self.running[:]:
            self._commit(order, 3, lambda: next(self.targets))
            self.shards[order.shard].is_read = True
            self._end(order, is_answered=True)
        for each in self.answers[:]:
            self._answer(*each)
        for number in list(self.given):
            self._lose(number)

    def _ready(self) -> set[int]:
        """Shards with work that are neither ordered nor to be looked at first."""
        with_work = {each.shard for each in self.board.standings if each.has_work}
        with_work |= {number for number in range(SHARDS) if self.board.logs(number)}
        return with_work - self.given.keys() - self.board.unseen


World.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestEnd: Any = World.TestCase
