"""The contract of a sink. It has two halves, because encoding is computing and writing is I/O.

The encoder is picklable and runs in the parse worker, once a page and sink; the writer lives in the
crawler's process and only moves bytes. ``commit`` makes everything appended durable and says how
long the output then is; after a crash ``cut`` takes it back to such an offset.
"""

from typing import Protocol

from crawler.model.pages import Page


class Encoder(Protocol):
    """Pages → bytes that can simply be concatenated."""

    def encode(self, page: Page) -> bytes: ...


class Writer(Protocol):
    """Appends bytes in the order given. Each method raises StateError where the output fails."""

    @property
    def can_cut(self) -> bool:
        """False where what went out is gone: such an output gets a page at least once."""
        ...

    def append(self, chunk: bytes) -> None: ...

    def commit(self) -> int:
        """Bytes in the output, all of them on disk. Standard output returns what was written."""
        ...

    def cut(self, offset: int) -> None:
        """Drop everything behind ``offset``. Raises StateError where there is less, and where
        nothing can be cut.
        """
        ...

    def close(self) -> None: ...
