"""The directory of a run: created atomically, locked during the crawl, resumable."""

import fcntl
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import msgspec

from crawler.frontier.state.store import NO_LOGINS, Store
from crawler.model.errors import UsageError, writing
from crawler.runs.layout import LOCK, SETTINGS, STATE, output_names
from crawler.settings import Settings, written
from crawler.settings.defaults import RUNS


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
            shutil.rmtree(self.directory)
        self._lock.release()


class Lock:
    """A lock for one process; it is released when the process ends.

    Raises UsageError if another process holds it.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK
        with writing(path), ExitStack() as undo:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            undo.callback(os.close, self._file)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.read(self._file, 20).decode() or "?"
                raise UsageError(f"{directory}: is being crawled by process {owner}") from None
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, str(os.getpid()).encode(), 0)
            undo.pop_all()

    def release(self) -> None:
        os.close(self._file)


def begin(
    settings: Settings,
    facts: Mapping[str, str] | None = None,
    logins: Mapping[str, str] = NO_LOGINS,
) -> Run:
    """Create a run in ``settings.run``, or in a directory named by the time.

    ``facts`` and ``logins`` (by origin) go to its state. The directory is created under another
    name and then renamed, so that every run can be resumed. Raises UsageError if something exists
    there, StateError if the run cannot be created.
    """
    directory = _new_directory(settings)
    temporary = directory.with_name(f".{directory.name}.beginning")
    with writing(directory), ExitStack() as undo:
        temporary.mkdir(parents=True, exist_ok=True)
        lock = Lock(temporary)
        undo.callback(lock.release)
        undo.callback(shutil.rmtree, temporary, ignore_errors=True)
        for stale in {*temporary.iterdir()} - {temporary / LOCK}:
            stale.unlink()
        write_settings(settings, temporary)
        store = Store.create(temporary / STATE)
        undo.callback(store.close)
        store.add((), logins=logins)
        store.commit({}, facts or {})
        store.close()
        temporary.rename(directory)
        undo.pop_all()
    return Run(directory, settings, Store.open(directory / STATE), lock, resumed=False)


def make_directory(settings: Settings) -> Path:
    """Create an empty directory for files that are not a run. Raises the errors of ``begin``."""
    directory = _new_directory(settings)
    with writing(directory):
        directory.mkdir(parents=True)
    return directory


def _new_directory(settings: Settings) -> Path:
    """Return ``settings.run``, or a name from the time. Raises UsageError if the path exists."""
    directory = Path(settings.run) if settings.run else _unused(time.strftime("%Y%m%d-%H%M%S"))
    if directory.exists():
        hint = "; use --resume to resume it" if (directory / STATE).exists() else ""
        raise UsageError(f"--run {directory}: already exists and is not overwritten{hint}")
    return directory


def _unused(name: str) -> Path:
    """Return a path with ``name`` that does not exist: two runs may begin in one second."""
    directory, number = Path(RUNS) / name, 2
    while directory.exists():
        directory = Path(RUNS) / f"{name}-{number}"
        number += 1
    return directory


def resume(directory: Path, settings: Settings) -> Run:
    """Open the run in ``directory`` again; ``settings`` are from ``resumed_settings``.

    Raises UsageError if another process crawls it, StateError if its state is unusable.
    """
    lock = Lock(directory)
    try:
        store = Store.open(directory / STATE, output_names(settings))
    except BaseException:
        lock.release()
        raise
    return Run(directory, settings, store, lock, resumed=True)


def write_settings(settings: Settings, directory: Path) -> None:
    """Write ``settings.toml``: the settings without secrets. Raises StateError."""
    path = directory / SETTINGS
    text = "".join(
        # For the types of the options, a JSON value is also a TOML value.
        f"{name} = {msgspec.json.encode(value, enc_hook=str).decode()}\n"
        for name, value in written(settings).items()
    )
    with writing(path):
        path.write_text(text, encoding="utf-8")
