"""A slice: one session of a shard, for a limited time."""

import os
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from crawler.app.again import put_back
from crawler.app.inputs import FetchDocument, OpenInput, RawInput, kept_sitemaps
from crawler.app.resume import INPUT as INPUT_FACT
from crawler.app.resume import OPEN, READ
from crawler.app.run_dir import Run, begin, resume
from crawler.app.shard import Shard
from crawler.app.thread import CrawlOrder, CrawlThread
from crawler.distributed.gather import own_outputs
from crawler.distributed.inbox import Inbox
from crawler.distributed.origins import Origins, OriginsReader
from crawler.distributed.outbox import ShardOutbox
from crawler.distributed.records import SliceAnswer, SliceOrder, standing_of
from crawler.metrics.slices import slice_record
from crawler.model.errors import BusyError, StateError, UsageError
from crawler.model.file_systems import is_shared
from crawler.model.files import read_file
from crawler.runs.layout import (
    EPOCH,
    INBOX,
    INPUT_LOG,
    LINKS,
    ORIGINS,
    STATE,
    is_locked,
    resumed_settings,
    shard_directory,
)
from crawler.runs.shards import COUNT, DEPTH, INPUT, RECEIVED, SENT, SESSIONS, TURN, numbers
from crawler.runs.slices import write_slice
from crawler.settings import Settings
from crawler.settings.distribution import SLICE_S
from crawler.sources.sitemaps import Sitemaps

if TYPE_CHECKING:
    from crawler.parsing.executors.forkserver import ForkServer

AGAIN = "again"
"""The name of the fact that has the epoch in which ``--again`` was done last."""
LOOK_S = 0.25
"""Seconds between two looks at the epoch and the time."""


class SliceSession:
    """Runs slices; ``server`` is a fork server that is already running."""

    def __init__(self, server: "ForkServer | None" = None) -> None:
        self._server = server

    def run(self, order: SliceOrder) -> SliceAnswer:
        """Raises UsageError and StateError."""
        started = time.monotonic()
        run_directory = Path(order.run)
        _check_place(run_directory, order.epoch)
        if not _is_current(order):
            return SliceAnswer(order.shard, order.turn, "refused", message="it is of an old epoch")
        try:
            run = _open(order)
        except BusyError as error:
            return SliceAnswer(order.shard, order.turn, "busy", message=str(error))
        with run:
            if int(run.store.facts.get(TURN, 0)) >= order.turn:
                return SliceAnswer(order.shard, order.turn, "refused", message="it is an old one")
            _put_back(order, run)
            self._crawl(order, run, started)
        return SliceAnswer(
            order.shard, order.turn, "ended", standing_of(run_directory, order.shard)
        )

    def _crawl(self, order: SliceOrder, run: Run, started: float) -> None:
        began = time.time() + started - time.monotonic()
        origins = OriginsReader(Path(order.run) / ORIGINS)
        with closing(_collected(order, run)) as inbox:
            thread = CrawlThread(self._crawl_order(order, run, inbox, origins.new(), started))
            thread.start()
            try:
                _watch(thread, order, origins, started + order.seconds)
            except BaseException:
                thread.abort()
                thread.wait()
                raise
            report = thread.report()
        record = slice_record(report, thread.meter, began, time.time())
        write_slice(run.directory, int(run.store.facts[SESSIONS]), record)

    def _crawl_order(
        self, order: SliceOrder, run: Run, inbox: Inbox, origins: Origins, started: float
    ) -> CrawlOrder:
        facts = run.store.facts
        begun = {TURN: str(order.turn), SESSIONS: str(int(facts.get(SESSIONS, 0)) + 1)}
        run.store.commit(run.store.offsets, {**begun, INPUT_FACT: OPEN})
        received = {RECEIVED: msgspec.json.encode(inbox.received).decode()}
        outbox = ShardOutbox(
            order.shard, order.shards, numbers(facts.get(SENT, "{}")), {**begun, **received}
        )
        return CrawlOrder(
            run,
            _input(run, inbox, outbox),
            started,
            prestarted=self._server if run.settings.parse == "process" else None,
            shard=Shard(outbox, origins.names, origins.logins, order.slots, order.depth),
        )


def _watch(thread: CrawlThread, order: SliceOrder, origins: OriginsReader, until: float) -> None:
    """Return when the crawl has ended: stop it if its time is over, or if the driver has ended.

    Tell it of new ``origins``. Raises StateError.
    """
    is_stopped = False
    while not thread.wait(LOOK_S):
        if thread.has_begun and (news := origins.new()).names:
            thread.restore_rights(news.names, news.logins)
        if not is_stopped and (time.monotonic() >= until or not _is_current(order)):
            thread.stop()
            is_stopped = True


def _is_current(order: SliceOrder) -> bool:
    return _epoch_in(Path(order.run)) == order.epoch


def _epoch_in(run: Path) -> str | None:
    try:
        return read_file(run / EPOCH).decode()
    except (OSError, StateError):
        return None


def _number(epoch: str) -> int:
    return int(epoch.partition(" ")[0])


def _check_place(run: Path, epoch: str) -> None:
    """Raises UsageError if this machine does not see the same folder there, with its locks."""
    found = _epoch_in(run)
    if found is None or not found[:1].isdigit() or _number(found) < _number(epoch):
        raise UsageError(
            f"{run}: is not the folder of the crawl on {os.uname().nodename}: all workers need to "
            "see one folder at this path"
        )
    if found == epoch and not is_locked(run):
        raise UsageError(
            f"{run}: the lock of the crawl is not seen on {os.uname().nodename}; all workers need "
            "one folder on a file system with locks between machines (NFS 4, not NFS 3 with nolock)"
        )


def _open(order: SliceOrder) -> Run:
    """Begin the run of the shard, or resume it. Raises BusyError, UsageError and StateError."""
    directory = shard_directory(Path(order.run), order.shard)
    settings, exclusive = _settings(order, directory), is_shared(Path(order.run))
    if not (directory / STATE).exists():
        return begin(settings, {COUNT: str(order.shards)}, exclusive=exclusive)
    run = resume(directory, msgspec.structs.replace(settings, resume=True), exclusive=exclusive)
    if run.store.facts.get(COUNT) != str(order.shards):
        with run:
            raise StateError(f"{directory}: is not one of {order.shards} shards")
    return run


def _put_back(order: SliceOrder, run: Run) -> None:
    """Do what ``--again`` says, once in a session of the whole crawl. Raises StateError."""
    if order.again and run.resumed and run.store.facts.get(AGAIN) != order.epoch:
        settings = msgspec.structs.replace(run.settings, again=order.again)
        # What is pending now may have any depth.
        put_back(run, settings.ends_again, {AGAIN: order.epoch, DEPTH: "0"})


def _settings(order: SliceOrder, directory: Path) -> Settings:
    """Those of the whole run, with what is another thing for a shard."""
    # Where the slices run is not stored if it is an object; to a slice it does not matter.
    begun = resumed_settings(Path(order.run), {"on": "local"}, os.environ)
    whole = msgspec.structs.replace(begun, **order.changes)
    own = {"run": str(directory), "sources": (), "json": False, "quiet": True}
    own |= own_outputs(whole, directory)
    own |= {"on": None, "slots": None, "shards": None, "slice": SLICE_S}
    return msgspec.structs.replace(whole, **own)


def _collected(order: SliceOrder, run: Run) -> Inbox:
    """The inbox of the shard with all letters that the order knows of."""
    facts = run.store.facts
    known = numbers(facts.get(RECEIVED, "{}"))
    inbox = Inbox(run.directory / INBOX, order.shard, known)
    try:
        # The last commit had taken all that it knew of, and nothing has come since then.
        if inbox.is_long and facts.get(INPUT_FACT) == READ and inbox.received == known:
            inbox.begin_again(run.store.counts.taken)
        for source, end in sorted(order.logs.items()):
            inbox.collect(source, log_of(Path(order.run), source), end)
    except BaseException:
        inbox.close()
        raise
    return inbox


def log_of(run: Path, shard: int) -> Path:
    """The log of what ``shard`` has sent."""
    return run / INPUT_LOG if shard == INPUT else shard_directory(run, shard) / LINKS


def _input(run: Run, inbox: Inbox, outbox: ShardOutbox) -> OpenInput:
    taken = run.store.counts.taken

    def opened(fetch: FetchDocument) -> RawInput:
        sitemaps = Sitemaps(kept_sitemaps(run, fetch), outbox.is_foreign)
        return inbox.behind(taken, sitemaps.at)

    return opened
