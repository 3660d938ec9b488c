"""The directory of a run: created atomically, locked during the crawl, resumable."""

import fcntl
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from crawler.frontier.state.store import NO_LOGINS, Store
from crawler.model.errors import BusyError, StateError, UsageError, writing
from crawler.model.files import check_file, make_folders, open_file, sync, write_durably
from crawler.runs.layout import LOCK, PAGES, SETTINGS, STATE, output_names
from crawler.settings import Settings, absolute, written
from crawler.settings.defaults import RUNS
from crawler.settings.run_file import settings_text
from crawler.sinks.formats import files_of, format_of

_PARSER_FOLDER = "parser folder"
_STATE_FILES = {STATE, *(f"{STATE}-{each}" for each in ("wal", "shm", "journal"))}
_BEGINNING = {LOCK, SETTINGS, PAGES, *_STATE_FILES}
"""Names of the files that a run can have that was killed while it began."""


class Run:
    """A run that this process crawls: its directory, settings and state. A context manager.

    A new run is deleted if a UsageError ends it before it has read any input.
    """

    def __init__(
        self, directory: Path, settings: Settings, store: Store, lock: "Lock", *, resumed: bool
    ) -> None:
        self.directory = directory
        self.settings = settings
        self.store = store
        self.resumed = resumed
        self._lock = lock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.store.close()
        is_refused = kind is not None and issubclass(kind, UsageError)
        if is_refused and not self.resumed and not self.store.counts.taken:
            # The input may still be copied into it.
            shutil.rmtree(self.directory, ignore_errors=True)
        self._lock.release()


class Lock:
    """A lock for one process; it is released when the process ends.

    Raises BusyError if another process holds it.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK
        with writing(path), ExitStack() as undo:
            self._file = open_file(path, os.O_RDWR | os.O_CREAT, 0o600)
            undo.callback(os.close, self._file)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.read(self._file, 20).decode() or "?"
                raise BusyError(f"{directory}: is being crawled by process {owner}") from None
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, str(os.getpid()).encode(), 0)
            undo.pop_all()

    def release(self) -> None:
        with suppress(OSError):  # it has nothing that could be lost
            os.close(self._file)


def begin(
    settings: Settings,
    facts: Mapping[str, str] | None = None,
    logins: Mapping[str, str] = NO_LOGINS,
    *,
    exclusive: bool = False,
) -> Run:
    """Create a run in ``settings.run``, or in a directory named by the time.

    ``facts`` and ``logins`` (by origin) go to its state, which is ``exclusive`` if the directory is
    on a network file system. The directory is created under another name and then renamed, so that
    every run can be resumed, and it is durable on return. Raises UsageError if something exists
    there, StateError if the run cannot be created.
    """
    directory = _new_directory(settings)
    _check_outputs(settings)
    settings = absolute(settings)
    temporary = directory.with_name(f".{directory.name}.beginning")
    with writing(directory), ExitStack() as undo:
        make_folders(directory.parent)
        _claim(temporary)
        lock = Lock(temporary)
        undo.callback(lock.release)
        undo.callback(shutil.rmtree, temporary, ignore_errors=True)
        for stale in {*temporary.iterdir()} - {temporary / LOCK}:
            stale.unlink()
        write_settings(settings, temporary)
        store = Store.create(temporary / STATE, exclusive=exclusive)
        undo.callback(store.close)
        store.add((), logins=logins)
        store.commit({}, {**(facts or {}), **_parser_folder(settings)})
        store.close()
        sync(temporary / STATE)
        sync(temporary)
        temporary.rename(directory)
        sync(directory.parent)
        undo.pop_all()
    store = Store.open(directory / STATE, exclusive=exclusive)
    return Run(directory, settings, store, lock, resumed=False)


def _check_outputs(settings: Settings) -> None:
    """Raise UsageError for an unknown format, and where a new run would overwrite a file."""
    read = [*settings.sources, settings.extract, settings.replay, settings.history]
    for place in settings.out:
        if isinstance(place, str) and place != "-":
            format_of(Path(place))
            check_new(Path(place), [each for each in read if each], overwrite=settings.overwrite)
    if settings.record and os.path.lexists(settings.record):
        raise UsageError(f"--record {settings.record}: already exists and is not overwritten")


def check_new(place: Path, read: Iterable[str], *, overwrite: bool) -> None:
    """Raise UsageError if the output ``place`` would overwrite a file.

    With ``overwrite`` it may, but not a file that is ``read``.
    """
    for path in files_of(place):
        if os.path.lexists(path):
            _check_old(path, read, overwrite=overwrite)


def _check_old(path: Path, read: Iterable[str], *, overwrite: bool) -> None:
    if not overwrite:
        raise UsageError(
            f"--out {path}: already exists and is not overwritten; --overwrite replaces it"
        )
    try:
        check_file(path)
    except StateError as error:
        raise UsageError(f"--out {error}") from None
    if any(Path(each).exists() and path.samefile(each) for each in read):
        raise UsageError(f"--out {path}: is read as well, so it is not overwritten")


def _claim(temporary: Path) -> None:
    """Create the folder in which a run begins, or take over that of a run which was killed then.

    Raises UsageError for anything else that is there, and OSError.
    """
    try:
        temporary.mkdir()
    except FileExistsError:
        if not _is_beginning(temporary):
            raise UsageError(
                f"{temporary}: is where the run would begin; remove it, or choose another --run"
            ) from None


def _is_beginning(temporary: Path) -> bool:
    """Whether a run of this user was killed in this folder while it began."""
    try:
        folder = os.open(temporary, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        names = set(os.listdir(folder))  # noqa: PTH208 - of a descriptor
        found = [os.stat(name, dir_fd=folder, follow_symlinks=False) for name in names]
        is_ours = os.fstat(folder).st_uid == os.geteuid()
    finally:
        os.close(folder)
    are_files = all(stat.S_ISREG(each.st_mode) and each.st_nlink == 1 for each in found)
    return (
        is_ours and are_files and names <= _BEGINNING and (not names or bool(names & {LOCK, STATE}))
    )


def make_directory(settings: Settings) -> Path:
    """Create an empty directory for files that are not a run. Raises the errors of ``begin``."""
    directory = _new_directory(settings)
    with writing(directory):
        directory.mkdir(parents=True)
    return directory


def _new_directory(settings: Settings) -> Path:
    """Return ``settings.run``, or a name from the time. Raises UsageError if the path exists."""
    directory = Path(settings.run) if settings.run else _unused(time.strftime("%Y%m%d-%H%M%S"))
    if os.path.lexists(directory):
        hint = "; use --resume to resume it" if (directory / STATE).exists() else ""
        raise UsageError(f"--run {directory}: already exists and is not overwritten{hint}")
    return directory


def _unused(name: str) -> Path:
    """Return a path with ``name`` that does not exist: two runs may begin in one second."""
    directory, number = Path(RUNS) / name, 2
    while os.path.lexists(directory):
        directory = Path(RUNS) / f"{name}-{number}"
        number += 1
    return directory


def resume(directory: Path, settings: Settings, *, exclusive: bool = False) -> Run:
    """Open the run in ``directory`` again; ``settings`` are from ``resumed_settings``.

    Its state is ``exclusive`` if the directory is on a network file system.
    Raises BusyError if another process crawls it, StateError if its state is unusable.
    """
    _check_owner(directory)
    lock = Lock(directory)
    try:
        store = Store.open(directory / STATE, output_names(settings), exclusive=exclusive)
    except BaseException:
        lock.release()
        raise
    folder = store.facts.get(_PARSER_FOLDER)
    if folder is not None and folder not in sys.path:
        sys.path.append(folder)
    return Run(directory, settings, store, lock, resumed=True)


def _parser_folder(settings: Settings) -> dict[str, str]:
    """The folder in which a module of ``--parser`` is also looked for, as a fact of the run."""
    return {_PARSER_FOLDER: str(Path.cwd())} if isinstance(settings.parser, str) else {}


def _check_owner(directory: Path) -> None:
    """Raise UsageError if another user may have made the run, in a folder such as /tmp."""
    with writing(directory):
        where = directory.resolve(strict=True)
        is_shared = where.parent.stat().st_mode & stat.S_ISVTX
        if is_shared and where.stat().st_uid != os.geteuid():
            raise UsageError(f"{directory}: belongs to another user; move it to a folder of yours")


def write_settings(settings: Settings, directory: Path) -> None:
    """Write ``settings.toml``: the settings without secrets. Raises StateError."""
    path = directory / SETTINGS
    with writing(path):
        write_durably(path, settings_text(written(settings)).encode())
