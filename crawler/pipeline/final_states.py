"""Gives an entry its final state: writes a record, and updates the frontier and the store."""

import time
from collections.abc import Callable, Sequence

import msgspec

from crawler.frontier.entry import INPUT, Entry, Final, State
from crawler.frontier.frontier import Frontier
from crawler.frontier.state.store_thread import StoreThread
from crawler.model.errors import FetchError, SkipError
from crawler.model.events import Counted, Event, Finished
from crawler.model.pages import Failure, Skipped, row_of
from crawler.model.secrets import Hide
from crawler.sinks.base import EncodeFailure, EncodeSkip
from crawler.sinks.outputs import Channel


class FailureChannel(msgspec.Struct, frozen=True):
    """An output that has failures, and how it has them."""

    channel: Channel
    encode: EncodeFailure


class SkipChannel(msgspec.Struct, frozen=True):
    """An output that has skips, and how it has them."""

    channel: Channel
    encode: EncodeSkip


class Channels(msgspec.Struct, frozen=True):
    """The outputs for records; ``pages`` has one channel for each page encoder, in its order."""

    pages: tuple[Channel, ...]
    failures: tuple[FailureChannel, ...]
    skips: tuple[SkipChannel, ...]


class FinalStates:
    """Gives entries their final states. Pages are already encoded by the parse executor."""

    def __init__(
        self,
        frontier: Frontier,
        store: StoreThread,
        channels: Channels,
        observe: Callable[[Event], None],
        hide: Hide = str,
    ) -> None:
        """``hide`` takes the secrets out of the messages of failures and skips."""
        self._frontier = frontier
        self._store = store
        self._channels = channels
        self._observe = observe
        self._hide = hide

    def write(self, chunks: Sequence[bytes]) -> None:
        """Write encoded pages: one chunk, possibly empty, for each page output."""
        for channel, chunk in zip(self._channels.pages, chunks, strict=True):
            if chunk:
                channel.put(chunk)

    def page(self, entry: Entry, digest: int | None) -> None:
        """The entry ends with a page; ``digest`` is that of the page content."""
        self._finish(entry, State.DONE, digest=digest)

    def move(self, entry: Entry, found_by: str) -> None:
        """The entry continues in another shard; ``found_by`` is ``INPUT`` or ``LINK``."""
        self._finish(entry, State.MOVED, found_by)
        is_input = found_by == INPUT
        self._observe(Counted(input=-is_input, discovered=is_input - 1))

    def reject(self, entry: Entry, why: FetchError | SkipError) -> None:
        """The entry ends without a request."""
        self.close(entry, why, attempts=0)

    def close(
        self,
        entry: Entry,
        error: FetchError | SkipError,
        attempts: int,
        status: int | None = None,
    ) -> None:
        """The entry ends without a page, after ``attempts`` tries."""
        row, message = row_of(entry.row), self._hide(error.message)
        if isinstance(error, FetchError):
            failure = Failure(entry.url, error.kind, message, attempts, status, row)
            for each in self._channels.failures:
                each.channel.put(each.encode(failure))
            self._finish(entry, State.FAILED, error.kind)
            self._observe(Finished(failed=(failure,)))
        else:
            skipped = Skipped(entry.url, error.reason, message, row)
            for to in self._channels.skips:
                to.channel.put(to.encode(skipped))
            self._finish(entry, State.SKIPPED, error.reason)
            self._observe(Finished(skipped=(skipped,)))

    def _finish(
        self, entry: Entry, state: State, why: str | None = None, digest: int | None = None
    ) -> None:
        self._frontier.finish(entry, time.monotonic())
        self._store.finish(Final(entry.id, state, why, digest))
