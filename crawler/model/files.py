"""Opens, replaces and makes durable the files of a run. No link is ever followed.

A run can be in a folder where others may write, such as /tmp. A link there could lead to a file of
the user that has nothing to do with the run.
"""

import errno
import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path

from crawler.model.errors import StateError

_LINK = "is a symbolic link, which is not followed"
_NOT_A_FILE = "is not a regular file"


def open_file(path: Path, flags: int, mode: int = 0o666) -> int:
    """Open a regular file that has no other name; return its descriptor.

    Do not use O_TRUNC, which would apply before the file is checked. Raises OSError, and StateError
    for a link, a hard link, a folder, a pipe or a device.
    """
    try:
        # O_NONBLOCK: a named pipe would wait for its reader.
        file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StateError(f"{path}: {_LINK}") from None
        if error.errno == errno.ENXIO:  # a pipe without a reader, or a socket
            raise StateError(f"{path}: {_NOT_A_FILE}") from None
        raise
    wrong = _wrong(os.fstat(file))
    if wrong:
        os.close(file)
        raise StateError(f"{path}: {wrong}")
    return file


def read_file(path: Path) -> bytes:
    """Read a regular file that has no other name. Raises the errors of ``open_file``."""
    with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
        return file.read()


def is_readable(descriptor: int) -> bool:
    """Whether ``descriptor`` is open, and not for writing only."""
    try:
        return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_WRONLY
    except OSError:
        return False


def check_file(path: Path) -> None:
    """Raises StateError if there is anything at ``path`` that ``open_file`` would not open."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    wrong = _LINK if stat.S_ISLNK(found.st_mode) else _wrong(found)
    if wrong:
        raise StateError(f"{path}: {wrong}")


def _wrong(found: os.stat_result) -> str:
    if stat.S_ISDIR(found.st_mode):
        return os.strerror(errno.EISDIR)
    if not stat.S_ISREG(found.st_mode):
        return _NOT_A_FILE
    if found.st_nlink > 1:
        return "has another name (a hard link); to write to it would change another file"
    return ""


def replace_file(path: Path, content: bytes, mode: int = 0o666, *, durable: bool = False) -> None:
    """Give the file at ``path`` this content: all of it or, after a kill, the old one.

    The same holds after a loss of power if it is ``durable``; then the new one is on disk on
    return. ``mode`` has the rights of a new file. Raises OSError, and StateError if there is
    something else than a file at ``path`` or where its draft will be (``.tmp``).
    """
    check_file(path)
    draft = path.with_name(f"{path.name}.tmp")
    file = open_file(draft, os.O_WRONLY | os.O_CREAT, mode)
    with os.fdopen(file, "wb") as opened:
        opened.truncate(0)
        opened.write(content)
    if durable:
        sync(draft)
    draft.replace(path)
    if durable:
        sync(path.parent)


def make_folder(path: Path) -> None:
    """Create a folder unless it exists. Raises OSError, and StateError for anything else there."""
    try:
        path.mkdir()
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise StateError(f"{path}: is not a folder") from None


def open_own_folder(path: Path) -> int:
    """Open a folder that only its owner may change; return its descriptor.

    If it is missing, it is created for its owner alone. Raises OSError, and StateError for a link,
    for anything else, and for a folder that others may change.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        path.mkdir(0o700)
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except NotADirectoryError:
        is_link = stat.S_ISLNK(os.lstat(path).st_mode)
        raise StateError(f"{path}: {_LINK if is_link else 'is not a folder'}") from None
    found = os.fstat(folder)
    if found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return folder
    os.close(folder)
    raise StateError(f"{path}: other users may change it; choose a folder of your own")


def make_folders(path: Path) -> None:
    """Create a folder and those above it, durably. Raises OSError."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for each in missing:
        sync(each.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Create a file that is on disk on return; ``sync`` makes its name durable, too.

    Raises OSError.
    """
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Make durable what a file has, or what was created and renamed in a folder. Raises OSError."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot do it
            raise
    finally:
        os.close(file)
