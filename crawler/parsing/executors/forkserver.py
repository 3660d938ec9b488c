"""A fork server of our own, from which the workers of ``process`` are started.

The standard library has one fork server for the whole program. It imports the user's ``__main__``
into each child, which fails where a script has no guard, and its settings are shared with the
user's own multiprocessing. This one belongs to one crawl, and its children never see ``__main__``.

It imports little, so that it starts while the crawler still imports.
"""

import errno
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import context, forkserver, popen_forkserver, spawn, util
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any, Self

PRELOADED = "crawler.parsing.executors.boot"
_LONGEST = 80
"""Bytes of a folder in which a socket can be; its whole path has at most 107 (unix(7))."""
_FILES = 8
"""Files that are open at the same time while a process is started."""


class PoolProcess(context.ForkServerProcess):
    """A child of our fork server; ``launch`` starts it."""

    def __init__(self, launch: Callable[["PoolProcess"], object], **options: Any) -> None:
        super().__init__(**options)
        self._launch_process = launch

    @property
    def _Popen(self) -> Any:  # noqa: N802 - the name that multiprocessing calls
        return self._launch_process

    def __getstate__(self) -> dict[str, Any]:
        """What travels to the child: all but the function that starts it."""
        return {name: value for name, value in vars(self).items() if name != "_launch_process"}

    def run(self) -> None:
        """In the child: run the worker. It ends without a traceback when it is out of memory."""
        try:
            super().run()
        except MemoryError:
            os._exit(errno.ENOMEM)


class OneUserLock:
    """Stands for a lock or semaphore of a queue that each side uses from one process only.

    A pool of one worker needs no lock between processes. Real ones have names in the system, about
    which Python's resource tracker complains on standard error after the parent was killed.
    """

    def __init__(self, *_: object, **__: object) -> None:
        self._semlock = self

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        return True

    def release(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def _is_zero(self) -> bool:
        """Whether the queue is full: never, as the executor limits what it sends."""
        return False


class PoolContext(context.ForkServerContext):
    """The multiprocessing context of pools that have one worker each."""

    Lock = OneUserLock  # type: ignore[assignment]
    BoundedSemaphore = OneUserLock  # type: ignore[assignment]

    def __init__(self, launch: Callable[[PoolProcess], object]) -> None:
        self.Process = partial(PoolProcess, launch)  # type: ignore[assignment, misc]


class ForkServer:
    """A fork server; ``context`` is for ``ProcessPoolExecutor(mp_context=…)``."""

    def __init__(self) -> None:
        self._server = _PatchedServer()
        self._server.set_forkserver_preload([PRELOADED])
        self._popen = _popen(self._server)
        self.context = PoolContext(self._launch)
        self.newest: PoolProcess
        """The process started last. After its death this object knows how it ended."""

    def _launch(self, process: PoolProcess) -> object:
        _check_files()
        self.newest = process
        return self._popen(process)

    def start(self) -> None:
        """Start it, if it does not run, and return at once."""
        self._server.ensure_running()

    @property
    def pid(self) -> int | None:
        return getattr(self._server, "_forkserver_pid", None)

    def stop(self) -> None:
        """End it; may be called twice. Workers end with their executor, or with this process."""
        address = socket_of(self._server)
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)  # it has nothing to tidy up, which takes time
        with suppress(FileNotFoundError):  # a server that ended by itself has removed its socket
            self._server._stop()  # type: ignore[attr-defined]  # noqa: SLF001 - it has no other end
        remove_socket(address)


def prestart() -> ForkServer:
    """Return a fork server that is starting."""
    server = ForkServer()
    server.start()
    return server


def _check_files() -> None:
    """Raises OSError if too few files may be opened to start a process.

    To fail halfway would end the server, which prints a traceback.
    """
    opened: list[int] = []
    try:
        while len(opened) < _FILES:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        for file in opened:
            os.close(file)


def _new_address(_family: str) -> str:
    """Return the path of a socket in a new folder that only this user can enter.

    A path of a socket must be short, which those of Python's own are not where TMPDIR is long.
    """
    folders = (tempfile.gettempdir(), "/tmp")  # noqa: S108 - the folder in it is private
    base = next((each for each in folders if len(os.fsencode(each)) < _LONGEST), "/tmp")  # noqa: S108
    return str(Path(tempfile.mkdtemp(prefix="crawler-", dir=base), "s"))


def socket_of(server: forkserver.ForkServer) -> str | None:
    """Path of the server's socket, if it runs."""
    return getattr(server, "_forkserver_address", None)


def remove_socket(path: str | None) -> None:
    """Remove a socket and its folder, if they are still there."""
    if path is not None:
        with suppress(OSError):
            Path(path).unlink(missing_ok=True)
            Path(path).parent.rmdir()


class _Util:
    """``multiprocessing.util``, but a new interpreter has our ``sys.path`` from the beginning.

    Else, up to Python 3.12, the server would import another copy of this package where a script has
    put ours first, and its children would get it.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(util, name)

    def spawnv_passfds(self, path: bytes, args: list[Any], passfds: list[int]) -> int:
        *before, code = args
        own = spawn.get_preparation_data("")["sys_path"]
        return util.spawnv_passfds(
            path, [*before, f"import sys; sys.path[:] = {own!r}; {code}"], passfds
        )


class _PatchedServer(forkserver.ForkServer):
    ensure_running = FunctionType(
        forkserver.ForkServer.ensure_running.__code__,
        {
            **vars(forkserver),
            "util": _Util(),
            "connection": SimpleNamespace(arbitrary_address=_new_address),
        },
    )


def _popen(server: forkserver.ForkServer) -> type[popen_forkserver.Popen]:
    """The standard library's launcher, with our server and without the user's ``__main__``."""
    names = {
        **vars(popen_forkserver),
        "spawn": SimpleNamespace(get_preparation_data=_preparation),
        "forkserver": SimpleNamespace(
            connect_to_new_process=server.connect_to_new_process,
            read_signed=forkserver.read_signed,
        ),
    }
    launch = FunctionType(popen_forkserver.Popen._launch.__code__, names, "_launch")  # type: ignore[attr-defined]  # noqa: SLF001
    return type("OwnPopen", (_Popen,), {"_launch": launch})


class _Popen(popen_forkserver.Popen):
    """The pool's own thread and we may both ask how a process ended; only one may read it."""

    def __init__(self, process: PoolProcess) -> None:
        self._asking = threading.Lock()
        super().__init__(process)

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        with self._asking:
            return super().poll(flag)


def _preparation(name: str) -> dict[str, Any]:
    data = spawn.get_preparation_data(name)
    # Neither its main module nor its arguments, which may have secrets.
    return {
        key: value for key, value in data.items() if not key.startswith(("init_main", "sys_argv"))
    }
