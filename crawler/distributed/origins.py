"""The origins that the input names, which every shard has to know, and their logins."""

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


_decode = msgspec.json.Decoder(NamedOrigin).decode


def read_origins(path: Path) -> Origins:
    """Read the whole lines at ``path``. Raises StateError."""
    try:
        data = read_file(path)
        found = [_decode(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]
    except FileNotFoundError:
        return Origins()
    except (OSError, msgspec.MsgspecError) as error:
        raise StateError(f"{path}: cannot be read: {error}") from None
    logins = {each.origin: each.login for each in found if each.login is not None}
    return Origins(tuple(dict.fromkeys(each.origin for each in found)), logins)


class OriginsFile:
    """Adds origins to the file at ``path``, which only its owner may read."""

    def __init__(self, path: Path) -> None:
        """What an earlier session has not written to its end is cut off. Raises StateError."""
        self._path = path
        self._known: set[tuple[str, str | None]] = set()
        with writing(path):
            file = os.fdopen(open_file(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+b")
            file.seek(0)
            data = file.read()
            file.truncate(data.rfind(b"\n") + 1)
        self._file = file
        origins = read_origins(path)
        self._known |= {(name, None) for name in origins.names} | set(origins.logins.items())

    def add(self, origin: str, login: str | None) -> None:
        """``commit`` makes it durable."""
        if (origin, login) not in self._known:
            self._known.add((origin, login))
            with writing(self._path):
                self._file.write(msgspec.json.encode(NamedOrigin(origin, login)) + b"\n")

    def commit(self) -> None:
        with writing(self._path):
            self._file.flush()
            os.fdatasync(self._file.fileno())

    def close(self) -> None:
        with writing(self._path):
            self._file.close()


def forget_logins(path: Path) -> None:
    """The crawl is finished: no resume needs them. Raises StateError."""
    names = read_origins(path).names
    with writing(path):
        replace_file(path, b"".join(msgspec.json.encode(NamedOrigin(e)) + b"\n" for e in names))
