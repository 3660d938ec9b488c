"""The origins of the input that have rights of their own, and their logins.

Every shard has to know them, also those that other shards fetch from. The file grows while the
input is divided.
"""

import os
from pathlib import Path

import msgspec

from crawler.model.errors import StateError, writing
from crawler.model.files import open_file, read_file, replace_file


class NamedOrigin(msgspec.Struct, frozen=True, array_like=True):
    """An origin of the input, and its ``user:password`` or None."""

    origin: str
    login: str | None = None


class Origins(msgspec.Struct, frozen=True):
    names: tuple[str, ...] = ()
    logins: dict[str, str] = {}


class OriginsReader:
    """Reads the file at ``path`` while it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def new(self) -> Origins:
        """The origins since the last call. Raises StateError."""
        try:
            if self._path.stat().st_size <= self._read:
                return Origins()
            data = read_file(self._path)[self._read :]
        except FileNotFoundError:
            return Origins()
        except OSError as error:
            raise StateError(f"{self._path}: cannot be read: {error.strerror}") from None
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        return self._parsed(whole)

    def _parsed(self, lines: bytes) -> Origins:
        try:
            found = [_decode(line) for line in lines.splitlines()]
        except msgspec.MsgspecError:
            raise StateError(
                f"{self._path}: is damaged; restore the file: it says to which hosts of the input "
                "a request is allowed"
            ) from None
        logins = {each.origin: each.login for each in found if each.login is not None}
        return Origins(tuple(dict.fromkeys(each.origin for each in found)), logins)


_decode = msgspec.json.Decoder(NamedOrigin).decode
_encode = msgspec.json.Encoder().encode


class OriginsFile:
    """Adds origins to the file at ``path``, which only its owner may read."""

    def __init__(self, path: Path) -> None:
        """What an earlier session has not written to its end is cut off. Raises StateError."""
        self._path = path
        with writing(path):
            file = os.fdopen(open_file(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+b")
            file.seek(0)
            data = file.read()
            file.truncate(data.rfind(b"\n") + 1)
        self._file = file
        self.found = OriginsReader(path).new()
        """What earlier sessions have added."""

    def remember_origin(self, origin: str) -> None:
        """``commit`` makes it durable."""
        self._add(NamedOrigin(origin))

    def remember_login(self, origin: str, userinfo: str) -> None:
        """``commit`` makes it durable."""
        self._add(NamedOrigin(origin, userinfo))

    def _add(self, named: NamedOrigin) -> None:
        with writing(self._path):
            self._file.write(_encode(named) + b"\n")

    def commit(self) -> None:
        with writing(self._path):
            self._file.flush()
            os.fdatasync(self._file.fileno())

    def close(self) -> None:
        with writing(self._path):
            self._file.close()


def forget_logins(path: Path) -> None:
    """The crawl is finished: no resume needs them. Raises StateError."""
    names = OriginsReader(path).new().names
    with writing(path):
        lines = b"".join(_encode(NamedOrigin(each)) + b"\n" for each in names)
        replace_file(path, lines, 0o600)  # a later resume may add logins again
