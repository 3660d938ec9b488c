"""The inbox of a shard: the letters of others for it, in the order in which it takes them.

Its letters say from where to where of another shard's log they came. So to take letters and to know
that they were taken is one act.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from crawler.distributed.letters import HEAD_BYTES, LetterFile, LetterHead, LetterKind, decode, pack
from crawler.frontier.entry import Candidate
from crawler.model.errors import StateError, writing
from crawler.model.files import open_file, replace_file
from crawler.model.units import count as counted
from crawler.sources import InputLine

MOST_BYTES = 1 << 22
"""Bytes of letters that are copied at once."""
LONG_BYTES = 1 << 16
"""An inbox of so many bytes begins again once all of it was taken."""
NOTHING: Mapping[int, int] = MappingProxyType({})
_TAKEN = -2
"""Stands in the head of a letter for the shard itself: how many records it has taken."""

Expand = Callable[[InputLine], Iterator[InputLine]]
"""Returns the lines of the sitemap at a line."""


class Inbox:
    """The inbox at ``path``; only who crawls the shard may use it."""

    def __init__(self, path: Path, shard: int, known: Mapping[int, int] = NOTHING) -> None:
        """Cuts off a letter that was not written to its end.

        ``known`` is how many records of each shard the state knows of. Raises StateError.
        """
        self._path = path
        self._shard = shard
        self._taken_before = 0
        self.read: dict[int, int] = {}
        """How far the log of each shard was read, in bytes."""
        self.received: dict[int, int] = {}
        """How many records came from each shard."""
        with writing(path):
            file = open_file(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(file, "ab", buffering=0)
        try:
            self._end = self._whole()
            self._check(known)
            self._cut()
        except BaseException:
            self._file.close()
            raise

    def _check(self, known: Mapping[int, int]) -> None:
        """Raises StateError if the state knows of more records than there are.

        They are not repaired from the logs: they could come in another order, and it is their
        order that says which of them were taken.
        """
        lost = sum(max(0, count - self.received.get(place, 0)) for place, count in known.items())
        if lost:
            raise StateError(
                f"{self._path}: has lost {counted(lost, 'record')} that the state knows of; "
                "restore the file from a copy"
            )

    def _whole(self) -> int:
        """Read all heads; return the length of the whole letters.

        A kill or a loss of power can only damage the last letter.
        """
        end = 0
        with LetterFile(self._path) as letters:
            try:
                for head, begin in letters.heads():
                    if begin + head.size == letters.end:
                        letters.body(head, begin)
                    self._count(head)
                    end = begin + head.size
            except StateError:
                if letters.end - end > HEAD_BYTES + 2 * MOST_BYTES:
                    raise
        return end

    def _count(self, head: LetterHead) -> None:
        if head.place == _TAKEN:
            self._taken_before = head.start
            return
        self.read[head.place] = head.end
        if head.kind is LetterKind.STANDING:
            self.received[head.place] = head.start
        else:
            self.received[head.place] = self.received.get(head.place, 0) + head.count

    def _cut(self) -> None:
        with writing(self._path):
            self._file.truncate(self._end)

    def close(self) -> None:
        self._file.close()

    def collect(self, source: int, log: Path, end: int) -> None:
        """Copy what is for us in the ``log`` of ``source``, up to ``end``. Raises StateError."""
        start = self.read.get(source, 0)
        if end <= start:
            return
        with LetterFile(log, end) as letters:
            found: list[bytes] = []
            count = size = 0
            kind = LetterKind.LINES
            for head, begin in letters.heads(start):
                if head.place != self._shard:
                    continue
                body = letters.body(head, begin)
                found.append(pack(head.place, head.kind, body, head.count))
                count, size = count + head.count, size + head.size
                if head.kind is LetterKind.SITEMAPS:
                    kind = LetterKind.SITEMAPS
                if size >= MOST_BYTES:
                    here = begin + head.size
                    self._append(source, kind, found, count, start, here)
                    found, count, size, kind, start = [], 0, 0, LetterKind.LINES, here
            self._append(source, kind, found, count, start, end)

    def _append(
        self, source: int, kind: LetterKind, found: list[bytes], count: int, start: int, end: int
    ) -> None:
        letter = pack(source, kind, b"".join(found), count, start=start, end=end)
        with writing(self._path):
            self._file.write(letter)
            os.fdatasync(self._file.fileno())
        self._end += len(letter)
        self.read[source] = end
        self.received[source] = self.received.get(source, 0) + count

    def behind(self, taken: int, expand: Expand) -> Iterator[InputLine | Candidate]:
        """The records after the first ``taken`` ones; a sitemap is as many as it has lines.

        Raises StateError.
        """
        skip = taken - self._taken_before
        if skip < 0:
            raise StateError(f"{self._path}: begins after what was taken; restore the file")
        with LetterFile(self._path) as letters:
            for head, begin in letters.heads():
                if head.kind is not LetterKind.SITEMAPS and skip >= head.count:
                    skip -= head.count
                    continue
                for record in _records(letters.body(head, begin), letters, expand):
                    if skip:
                        skip -= 1
                    else:
                        yield record

    @property
    def is_long(self) -> bool:
        """Whether it is worth to begin again."""
        return self._end >= LONG_BYTES

    def begin_again(self, taken: int) -> None:
        """All ``taken`` records are in the state: keep only how far each log was read."""
        standing = [pack(_TAKEN, LetterKind.STANDING, b"", 0, start=taken)] + [
            pack(source, LetterKind.STANDING, b"", 0, start=self.received[source], end=end)
            for source, end in self.read.items()
        ]
        content = b"".join(standing)
        with writing(self._path):
            replace_file(self._path, content, 0o600, durable=True)
            self._file.close()
            self._file = self._path.open("ab", buffering=0)
        self._end = len(content)
        self._taken_before = taken


def _records(body: bytes, inbox: LetterFile, expand: Expand) -> Iterator[InputLine | Candidate]:
    """The records of the letters in ``body``."""
    at = 0
    while at < len(body):
        head = inbox.head_in(body, at)
        begin = at + HEAD_BYTES
        at = begin + head.size
        try:
            found = decode(head.kind, body[begin:at])
        except msgspec.MsgspecError as error:
            raise StateError(f"{inbox.path}: has a record that cannot be read: {error}") from None
        for record in found:
            if isinstance(record, InputLine) and record.sitemap is not None:
                yield from expand(record)
            else:
                yield record
