"""The input as the pipeline sees it."""

from collections.abc import Sequence
from typing import Protocol

from crawler.frontier.entry import Candidate
from crawler.model.callbacks import Fail, Wake
from crawler.sources import InputLine


class Source(Protocol):
    """Lines of the input, and in a shard also what other shards have sent."""

    @property
    def exhausted(self) -> bool:
        """Whether all lines were taken."""
        ...

    def start(self, wake: Wake, fail: Fail) -> None:
        """Start reading. ``wake`` is called when there are more lines, or when there are no more;
        ``fail`` when the input cannot be read. Both are called from another thread.
        """
        ...

    def take(self) -> Sequence[InputLine | Candidate]:
        """The next lines; empty if no line is available yet."""
        ...

    def stop(self) -> None: ...
