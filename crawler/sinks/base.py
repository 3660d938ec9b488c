"""The contract of a sink. It has two parts, because encoding needs CPU and writing is I/O.

The encoder is picklable and runs in the parse worker, once per page and sink. The writer runs in
the crawler's process and only moves bytes: ``commit`` makes everything appended durable and returns
the length of the output; after a crash, ``cut`` shortens the output to such a length.
"""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from crawler.model.errors import StateError, UsageError
from crawler.model.pages import Failure, Page, Skipped


class UnreadError(StateError):
    """The crawl was aborted, and the reader of an output does not read."""


class Encoder(Protocol):
    """Encodes pages as bytes that can be concatenated."""

    def encode(self, page: Page) -> bytes: ...


class Writer(Protocol):
    """Appends bytes in the order given. Each method raises StateError if the output fails."""

    @property
    def can_cut(self) -> bool:
        """False if written bytes cannot be removed: a page is then written at least once."""
        ...

    def append(self, chunk: bytes) -> None: ...

    def commit(self) -> int:
        """The number of bytes in the output, all on disk (standard output: all written)."""
        ...

    def cut(self, offset: int) -> None:
        """Drop everything after ``offset``. Raises StateError if the output is shorter or cannot
        be cut.
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class WaitingWriter(Protocol):
    """A writer that may wait for a reader."""

    def hurry(self) -> None:
        """The crawl was aborted: from now on raise UnreadError instead. For any thread."""
        ...


@runtime_checkable
class ForgettingWriter(Protocol):
    """A writer of failures and skips that can remove them when their entries become pending."""

    def forget(self, ends: Collection[str]) -> None:
        """Remove the records with one of these kinds and reasons; durable on return."""
        ...


EncodeFailure = Callable[[Failure], bytes]
EncodeSkip = Callable[[Skipped], bytes]


class Sink(msgspec.Struct, frozen=True):
    """One output for pages: who encodes a page, and who writes the bytes.

    ``name`` identifies it in the state of a run, so it must be the same when the run is resumed.
    With ``failures`` and ``skips``, which encode a record in the fetch thread, the output has
    failures and skips, too. Raises UsageError if a method is missing.
    """

    name: str
    encoder: Encoder
    writer: Writer
    failures: EncodeFailure | None = None
    skips: EncodeSkip | None = None

    def __post_init__(self) -> None:
        expected = {
            "encoder": ("encode",),
            "writer": ("can_cut", "append", "commit", "cut", "close"),
        }
        for part, names in expected.items():
            missing = [name for name in names if not hasattr(getattr(self, part), name)]
            if missing:
                raise UsageError(f"sink {self.name}: the {part} has no {', '.join(missing)}")


class SinkTarget(msgspec.Struct, frozen=True):
    """What an output is made for: the file at ``path``, and what is known about its records.

    ``path`` must not exist unless the run is ``resumed``: then it is cut before anything else.
    ``fields`` are the names of the fields that every HTML page has, None if they are not known.
    ``html``: the records of HTML pages have their HTML. ``several``: a page may have a list of
    records as its fields.
    """

    name: str
    path: Path
    resumed: bool = False
    fields: tuple[str, ...] | None = None
    html: bool = False
    several: bool = False


MakeSink = Callable[[SinkTarget], Sink]
