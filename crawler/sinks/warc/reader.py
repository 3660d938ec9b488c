"""Reads the records of WARC files, of any version and any tool, also where they are damaged.

A record that cannot be read is skipped, and reading continues at the next one. Lines may end with
LF only, and any number of blank lines may be between records (WARC 1.1, 4, has CR LF and two).
"""

import io
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from crawler.model.errors import UsageError
from crawler.sinks.warc.evidence import is_block_whole
from crawler.sinks.warc.gzip_member import (
    GZIP,
    MAGIC,
    CutError,
    DamagedPartError,
    GzipMember,
    begins_member,
)

_CHUNK = 64 * 1024
_MAX_LINE = 64 * 1024
_MAX_HEAD = 256 * 1024
"""Bytes of the head of a record, at most: real ones have some hundreds."""
_FAR = 1_000_000
"""The first record must begin before this offset: the file may be anything else."""
_WARC = b"WARC/"
_VERSION = re.compile(rb"WARC/\d{1,2}\.\d{1,2}[ \t]*\r?\n")
_ENDS_WITH_VERSION = re.compile(rb"WARC/\d{1,2}\.\d{1,2}[ \t]*\r?\n\Z")
"""The line of a head that was cut, and goes over into another record. But a URL may end so, too."""
_START = re.compile(rb"WARC/\d{1,2}\.\d{1,2}[ \t]*\r?\n(?:WARC-|Content-)", re.IGNORECASE)
"""How a record begins, wherever it is. A page that shows one is not taken for it, unless the record
that has the page is damaged."""
_LONGEST_START = 64
_BEGINNING = 1024
"""Bytes in which a gzip member must have its head and its first byte: real heads have 10 to 300."""
MOST_UNPACKED, _MOST_RATIO = 1_000_000_000, 100
"""A file that decompresses to more than so many bytes, and to more than so many times its own size,
is not an archive: those of text have a ratio of 3 to 20, and deflate reaches 1,032."""
_PATIENCE = 8
_LEAST_PATIENCE = 64 * 1024 * 1024
"""Damaged records may lie in each other. So many times the size of the file, and so many bytes at
least, are read again; then the file is given up."""
_LENGTH = re.compile("[0-9]{1,18}")
_MOST_TOLD = 5


class RecordHead(msgspec.Struct, frozen=True):
    """A record without its block: ``at`` is its offset in the file, ``length`` the block's size.

    ``fields`` are by name in lower case; of repeated fields the first one is kept.
    """

    at: int
    length: int
    fields: dict[str, str]

    @property
    def type(self) -> str:
        return self.fields.get("warc-type", "").lower()

    @property
    def id(self) -> str:
        return self.fields.get("warc-record-id", "")

    @property
    def media_type(self) -> str:
        """Type and subtype of the block, in lower case (RFC 9110, 8.3.1)."""
        return self.fields.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def target(self) -> str:
        """The target URI, without the angle brackets that Wget adds."""
        return self.fields.get("warc-target-uri", "").strip("<>")


class Damage:
    """What was skipped in a file, ``where`` its offsets are not those of the file itself."""

    def __init__(self, where: str = "") -> None:
        self._where = where
        self._first: list[str] = []
        self._end = ""
        self.count = 0

    def note(self, at: int, reason: str) -> None:
        """``reason`` is about "it", the record."""
        self.count += 1
        if self.count <= _MOST_TOLD:
            self._first.append(f"skipped a record at byte {at:,}{self._where}: {reason}")

    def give_up(self, at: int) -> None:
        """What begins at ``at`` is not read."""
        self._end = f"the file is not read from byte {at:,}{self._where}: it is damaged too much"

    def sentences(self) -> list[str]:
        """About each of the first ones, the number of all, and where reading has ended."""
        all_of_them = f"{self.count:,} records were skipped in all"
        more = [all_of_them] if self.count > _MOST_TOLD else []
        return [*self._first, *more, *([self._end] if self._end else [])]


class NotByRecordError(Exception):
    """The members of a gzip file are not one record each, so that none can be read alone."""


class WarcFile:
    """A file of records: ``heads`` returns them in order, ``read`` returns one with its block.

    The constructor raises UsageError if ``path`` cannot be read or is not a WARC file. ``torn`` and
    ``damage`` are valid after ``heads`` has reached the end: whether the file ends inside a record,
    and what was skipped before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.torn = False
        self.damage = Damage()
        self._read_again = 0
        try:
            self._file: BinaryIO = path.open("rb")
            self._is_gzip = self._file.read(2) == GZIP
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from None
        self._size = self._file.seek(0, io.SEEK_END)
        if not self._has_records():
            self._file.close()
            raise UsageError(f"{path} is not a WARC file: name one that --record or wget wrote")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def heads(self) -> Iterator[RecordHead]:
        """The heads of all records that are whole.

        Raises NotByRecordError for a gzip file that ``unpack`` must make readable.
        """
        at: int | None = 0
        while at is not None and at < self._size:
            try:
                head, end = self._pass(at)
            except DamagedPartError as error:
                at = self._after_damage(at, at, error)
            else:
                if head is not None:
                    yield head
                at = end
        self.torn |= not self._is_gzip and self._at(self._size - 1).read() == b"\r"

    def read(self, at: int) -> tuple[RecordHead, bytes]:
        """Head and block of the record at offset ``at``, which ``heads`` has returned."""
        stream = self._stream(at)
        head = _read_head(stream, at)
        return head, stream.read(head.length)

    def unpack(self, most: int = MOST_UNPACKED) -> None:
        """Decompress a gzip file into a temporary one, where ``heads`` can begin again.

        Offsets are then those of the decompressed file. Raises UsageError if there is no room, or
        if it has more than ``most`` bytes and more than 100 times those of the file.
        """
        self.damage, self.torn = Damage(" of the decompressed file"), False
        try:
            with ExitStack() as stack:
                unpacked = stack.enter_context(tempfile.TemporaryFile())
                self._unpack_into(unpacked, max(most, _MOST_RATIO * self._size))
                size = unpacked.tell()
                stack.pop_all()  # it is closed with this object
        except OSError as error:
            raise UsageError(f"cannot decompress {self._path}: {error.strerror}") from None
        self._file.close()
        self._file, self._is_gzip, self._size, self._read_again = unpacked, False, size, 0

    def _unpack_into(self, unpacked: BinaryIO, most: int) -> None:
        at: int | None = 0
        while at is not None and at < self._size:
            member = GzipMember(self._at(at))
            try:
                while data := member.read(_CHUNK):
                    if unpacked.tell() + len(data) > most:
                        raise UsageError(
                            f"{self._path} is not read: its {self._size:,} bytes decompress to "
                            f"more than {most:,}"
                        )
                    unpacked.write(data)
                at = self._file.tell() - member.unused
            except DamagedPartError as error:
                at = self._after_damage(unpacked.tell(), at, error)

    def _after_damage(self, told: int, at: int, error: DamagedPartError) -> int | None:
        """Note the damage, and return where reading continues."""
        reached = self._file.tell() - _CHUNK  # the file is read in such parts
        following = self._find(at + 1)
        self._read_again += max(0, reached - (self._size if following is None else following))
        if self._read_again > max(_LEAST_PATIENCE, _PATIENCE * self._size):
            self.damage.give_up(told)
            return None
        if following is None and isinstance(error, CutError):
            self.torn = True
        else:
            self.damage.note(told, str(error))
        return following

    def _has_records(self) -> bool:
        """Whether the file begins with a record, or has one after some damage."""
        at: int | None = 0
        while at is not None:
            if self._is_record(at):
                return True
            at = self._find(at + 1, until=_FAR)
        if self._is_gzip:
            return False
        self._is_gzip = True  # perhaps it has lost the beginning of its first member
        return self._has_records()

    def _is_record(self, at: int) -> bool:
        try:
            return self._stream(at).read(len(_WARC)) == _WARC
        except DamagedPartError:
            return False

    def _stream(self, at: int) -> BinaryIO:
        """Uncompressed bytes from ``at``; in a gzip file, to the end of the member."""
        file = self._at(at)
        return io.BufferedReader(GzipMember(file), _CHUNK) if self._is_gzip else file

    def _at(self, at: int) -> BinaryIO:
        self._file.seek(at)
        return self._file

    def _pass(self, at: int) -> tuple[RecordHead | None, int]:
        """Read the record at ``at``; returns its head and the offset after it.

        There is no head if only blank lines follow. Raises DamagedPartError and NotByRecordError.
        """
        return self._pass_member(at) if self._is_gzip else self._pass_plain(at)

    def _pass_plain(self, at: int) -> tuple[RecordHead | None, int]:
        self._file.seek(at)
        begin, following = _after_blank_lines(self._file)
        if not following:
            return None, begin
        self._file.seek(begin)
        head = _read_head(self._file, begin)
        start = self._file.tell()
        if start + head.length > self._size:
            raise CutError("its block ends after the file")
        self._file.seek(head.length, io.SEEK_CUR)
        end, following = _after_blank_lines(self._file)
        if not _WARC.startswith(following):
            # Either something else is between two records, or the length is wrong.
            self._file.seek(start)
            if not is_block_whole(head.fields, self._file.read(head.length)):
                raise DamagedPartError("its Content-Length does not lead to another record")
        return head, end

    def _pass_member(self, at: int) -> tuple[RecordHead | None, int]:
        member = GzipMember(self._at(at))
        stream = io.BufferedReader(member, _CHUNK)
        if not stream.peek(1):
            return None, self._file.tell() - member.unused
        try:
            head = _read_head(stream, at)
        except DamagedPartError:
            _drain(stream)  # a member that is damaged itself says so first
            raise NotByRecordError from None
        left = head.length
        while left:
            data = stream.read(min(left, _CHUNK))
            if not data:
                raise NotByRecordError
            left -= len(data)
        if stream.read(_CHUNK).strip(b"\r\n") or stream.read(1):
            raise NotByRecordError
        return head, self._file.tell() - member.unused

    def _find(self, at: int, until: int | None = None) -> int | None:
        """The offset of the next record, or member, from ``at``; None: there is no other.

        It does not begin to search in a part of the file after ``until``.
        """
        pattern, longest = (MAGIC, len(GZIP) + 1) if self._is_gzip else (_START, _LONGEST_START)
        self._file.seek(at)
        window = b""
        while (until is None or self._file.tell() < until) and (data := self._file.read(_CHUNK)):
            before = len(window)
            window += data
            base = self._file.tell() - len(data) - before
            for found in pattern.finditer(window):
                if not self._is_gzip or self._is_member(base + found.start()):
                    return base + found.start()
            self._file.seek(base + len(window))
            window = window[-longest:]
        return None

    def _is_member(self, at: int) -> bool:
        """Whether a gzip member begins here: its magic number alone may be there by chance."""
        self._file.seek(at)
        return begins_member(self._file.read(_BEGINNING))


def _after_blank_lines(file: BinaryIO) -> tuple[int, bytes]:
    """Skip line ends; returns where something else begins, and its first bytes."""
    while data := file.read(16):
        rest = data.lstrip(b"\r\n")
        if rest:
            at = file.tell() - len(rest)
            return at, (rest + file.read(5))[:5]
    return file.tell(), b""


def _drain(stream: BinaryIO) -> None:
    while stream.read(_CHUNK):
        pass


def _read_head(stream: BinaryIO, at: int) -> RecordHead:
    """Raises DamagedPartError, and CutError where the file ends before the head does."""
    line = stream.readline(_MAX_LINE)
    if not _VERSION.fullmatch(line):
        is_cut = _WARC.startswith(line[:5]) and not line.endswith(b"\n")
        raise CutError("its head is cut") if is_cut else DamagedPartError("this is not a record")
    fields = _read_fields(stream)
    length = fields.get("content-length")
    if length is None:
        raise DamagedPartError("its head has no Content-Length")
    if not _LENGTH.fullmatch(length):
        raise DamagedPartError(f"its Content-Length is {length[:40]!r}")
    return RecordHead(at, int(length), fields)


def _read_fields(stream: BinaryIO) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    left = _MAX_HEAD
    has_version = False
    while True:
        raw = stream.readline(_MAX_LINE)
        left -= len(raw)
        if left < 0 or len(raw) == _MAX_LINE:
            raise DamagedPartError(
                f"its head has more than {_MAX_HEAD // 1024} KiB, or a line has 64"
            )
        if not raw.endswith(b"\n"):
            raise CutError("its head is cut")
        line = raw.rstrip(b"\r\n").decode("utf-8", "replace")
        if not line:
            return fields
        if line[0] in " \t":  # a folded line (WARC 1.0, section 4)
            if name:
                fields[name] = f"{fields[name]} {line.strip()}".strip()
            continue
        found, colon, value = line.partition(":")
        if not colon:
            raise DamagedPartError("its head has a line without a colon")
        found = found.strip().lower()
        if found in fields and has_version:
            raise DamagedPartError("another record begins in its head")
        has_version = has_version or _ENDS_WITH_VERSION.search(raw) is not None
        name = "" if found in fields else found  # the first one counts
        fields.setdefault(found, value.strip())
