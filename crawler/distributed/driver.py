"""Orders slices until no shard has work. It keeps nothing: all it knows stands in the shards."""

import math
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import msgspec

from crawler.distributed.allowance import Allowances
from crawler.distributed.board import Board
from crawler.distributed.divider import Divider
from crawler.distributed.levels import Levels
from crawler.distributed.records import ShardStanding, SliceAnswer, SliceOrder, standing_of
from crawler.distributed.shares import changes
from crawler.distributed.slice import run_slice
from crawler.distributed.workers import SliceWorkers
from crawler.model.errors import StateError, UsageError, writing
from crawler.model.files import read_file, replace_file
from crawler.model.version import __version__
from crawler.runs.layout import EPOCH, is_locked, shard_directory
from crawler.settings import Settings

GRACE_S = 30.0
"""Seconds after the time of a slice until its order counts as lost, if nobody crawls the shard."""
INPUT_S = 2.0
"""Seconds for which the first orders wait for the end of the input: while a page is crawled, hosts
that only later lines name may not be reached from it.
"""
LOOK_S = 1.0
"""Seconds between two looks at orders that are late."""


class GivenOrder(msgspec.Struct, frozen=True):
    """An order that was given ``since`` then (monotonic seconds)."""

    shard: int
    turn: int
    since: float
    future: "Future[bytes]"


class Driver:
    """Drives the shards of the run in the folder ``run``. Hold its lock while you do."""

    def __init__(
        self,
        run: Path,
        settings: Settings,
        shards: int,
        divider: Divider,
        workers: SliceWorkers,
    ) -> None:
        self._run = run
        self._settings = settings
        self._shards = shards
        self._divider = divider
        self._workers = workers
        self._seconds = settings.slice
        self.board = Board(shards, Levels() if settings.in_levels else None)
        if settings.again:
            self.board.visit_all()
        self._allowances = Allowances(settings.max_pages)
        self._given: dict[int, GivenOrder] = {}
        self._awake = threading.Event()
        self._error: Exception | None = None
        self._is_stopping = False
        self.lost = 0
        """The number of orders that were not answered."""
        self.first_order = math.inf
        """When the first order was given (monotonic seconds)."""

    def start(self) -> None:
        """End what an earlier driver has begun, and see how far every shard is."""
        self._epoch = _new_epoch(self._run)
        for number in range(self._shards):
            self.board.hide(number)
        self._look(time.monotonic())
        self._divider.start(self._awake.set, self._fail)

    def _see(self, shard: int) -> None:
        """Read how far ``shard`` is; nobody crawls it."""
        try:
            standing = standing_of(self._run, shard)
        except StateError as error:
            self.board.fail(shard, str(error))
        else:
            self._stands(standing)

    def _stands(self, standing: ShardStanding) -> None:
        """A shard that nobody crawls has committed this."""
        self.board.stands(standing)
        self._allowances.take_back(standing)

    def _fail(self, error: Exception) -> None:
        self._error = error
        self._awake.set()

    def stop(self) -> None:
        """Give no more orders, and let the slices end in order; from any thread."""
        self._is_stopping = True
        self._awake.set()

    def run(self, every: Callable[[], None], seconds: float) -> None:
        """Return when the crawl is over or was stopped; call ``every`` so often (``seconds``).

        Raises UsageError and StateError.
        """
        looked = told = 0.0
        self._started = time.monotonic()
        try:
            self._check()
            while not self._is_stopping and self._error is None and not self._is_over():
                now = time.monotonic()
                if now >= looked + LOOK_S:
                    looked = now
                    self._look(now)
                if now >= told + seconds:
                    told = now
                    every()
                self._give_orders(now)
                self._awake.wait(min(seconds, max(0.01, self.board.wakes_at(now) - now)))
                self._awake.clear()
                self._take_answers(time.monotonic())
        finally:
            self._end(every)
        if self._error is not None:
            raise self._error

    def _check(self) -> None:
        """Raises StateError if letters are lost: a shard that begins anew must not send others."""
        self._note_input()
        for shard in range(self._shards):
            self.board.check(shard)

    def _is_over(self) -> bool:
        self._note_input()
        divided = self._divider.standing.has_ended
        return (divided and self.board.is_over) or self._is_enough()

    def _is_enough(self) -> bool:
        is_seen = not self._given and not self.board.unseen
        return is_seen and self._allowances.is_enough(self.board.standings)

    def _note_input(self) -> None:
        divided = self._divider.standing
        self.board.divided(divided.sent, divided.log, has_ended=divided.has_ended)

    def _give_orders(self, now: float) -> None:
        self._note_input()
        if not self._divider.standing.has_ended and now < self._started + INPUT_S:
            return
        while len(self._given) < self._workers.slots():
            shard = self.board.next(now)
            if shard is None or not self._give(shard, now):
                return

    def _give(self, shard: int, now: float) -> bool:
        slots = min(self._workers.slots(), self._shards)
        free = slots - len(self._given)
        pages = self._allowances.share(shard, self.board.standings, free)
        if pages == 0:
            return False
        turn = self.board.order(shard)
        self._allowances.give(shard, turn, pages)
        order = SliceOrder(
            __version__,
            str(self._run),
            shard,
            self._shards,
            turn,
            self._epoch,
            self._seconds,
            self.board.logs(shard),
            slots,
            {"max_pages": pages, **changes(self._settings, slots)},
            self.board.depth,
            self._settings.again,
        )
        future = self._submitted(msgspec.json.encode(order))
        future.add_done_callback(lambda _: self._awake.set())
        self.first_order = min(self.first_order, now)
        self._given[shard] = GivenOrder(shard, turn, now, future)
        return True

    def _submitted(self, order: bytes) -> "Future[bytes]":
        """If the engine takes no orders now, this one is lost like any other."""
        try:
            return self._workers.executor.submit(run_slice, order)
        except Exception as error:  # noqa: BLE001 - each engine has errors of its own
            refused: Future[bytes] = Future()
            refused.set_exception(error)
            return refused

    def _take_answers(self, now: float) -> None:
        for given in [each for each in self._given.values() if each.future.done()]:
            error = None if given.future.cancelled() else given.future.exception()
            if given.future.cancelled() or error is not None:
                self._lose(given, now, str(error or "it was cancelled"))
            else:
                self._answered(
                    given, msgspec.json.decode(given.future.result(), type=SliceAnswer), now
                )

    def _answered(self, given: GivenOrder, answer: SliceAnswer, now: float) -> None:
        shard = given.shard
        del self._given[shard]
        match answer.outcome:
            case "usage":
                self.board.rest(shard, now)
                self._fail(UsageError(answer.message))
            case "failed":
                self.board.fail(shard, answer.message)
            case "busy" | "refused":
                self.board.rest(shard, now)
            case "ended":
                assert answer.standing is not None
                self._stands(answer.standing)
                self.board.answered(shard, now)
                self.board.check(shard)

    def _lose(self, given: GivenOrder, now: float, why: str) -> None:
        """The engine will not answer. Who crawls the shard may still be alive."""
        self.lost += 1
        given.future.cancel()
        del self._given[given.shard]
        self.board.lost(given.shard, now, why)

    def _look(self, now: float) -> None:
        """See what shards have sent meanwhile, and find orders that are late.

        The shards of lost orders are seen as soon as nobody crawls them.
        """
        for shard in self.board.ordered:
            with suppress(StateError):  # it says so itself
                self.board.stands(standing_of(self._run, shard))
        for shard in self.board.unseen:
            if not is_locked(shard_directory(self._run, shard)):
                self._see(shard)
        for given in list(self._given.values()):
            is_late = now > given.since + self._seconds + GRACE_S
            if is_late and not is_locked(shard_directory(self._run, given.shard)):
                self._lose(given, now, f"no answer for {now - given.since:.0f} s")

    def _end(self, every: Callable[[], None]) -> None:
        """Tell all slices to end, and wait for those that go on."""
        _new_epoch(self._run)
        told = time.monotonic()
        while self._given:
            self._awake.wait(0.25)
            self._awake.clear()
            now = time.monotonic()
            self._take_answers(now)
            every()
            for given in list(self._given.values()):
                if now > told + 2 and not is_locked(shard_directory(self._run, given.shard)):
                    self._lose(given, now, "stopped")
        self._look(time.monotonic())


def _new_epoch(run: Path) -> str:
    """Slices of another epoch end. The name of this one is also what workers must find there.

    Raises StateError.
    """
    path = run / EPOCH
    with writing(path):
        before = read_file(path).partition(b" ")[0] if path.exists() else b"0"
        if not before.isdigit():
            raise StateError(f"{path}: is damaged; remove it once no worker crawls this run")
        epoch = f"{int(before) + 1} {secrets.token_hex(8)}"
        replace_file(path, epoch.encode())
    return epoch
