"""A process that serves while this one crawls, so that serving is not measured as crawling."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

_EXIT_TIMEOUT = 10.0


def command(module: str, argument: str) -> list[str]:
    """``python -m module argument``; -P, so that nothing in the current directory comes first."""
    return [sys.executable, "-P", "-m", module, argument]


def environment() -> dict[str, str]:
    """Ours, in which a child finds modules where this process found them."""
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return {**os.environ, "PYTHONPATH": path}


class Child:
    """``python -m module``, with ``options`` as JSON in its first argument; a context manager.

    It lives at most as long as this process does, if it waits with ``wait_for_parent``.
    """

    def __init__(self, module: str, options: object) -> None:
        self._module = module
        self._options = msgspec.json.encode(options).decode()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 (our own module, nothing of a user's)
            command(self._module, self._options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            process_group=0,  # Ctrl-C is for the parent, which may still need the pages
        )
        return self

    def __exit__(self, *_: object) -> None:
        with self._process as process:
            self._hang_up()
            try:
                process.wait(_EXIT_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()

    def line(self) -> bytes:
        """The next line it writes, waiting for it; empty if it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def ask(self) -> bytes:
        """The line it answers with, if it lives by ``questions``; empty if it has ended."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            os.write(self._process.stdin.fileno(), b"?")
        return self.line()

    def last_line(self) -> bytes:
        """What it writes when it is told that it is not needed any more; empty if it had ended."""
        self._hang_up()
        return self.line()

    def _hang_up(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()


def questions() -> Iterator[None]:
    """In the child: one each time the parent asks; ends when it hangs up, or is gone."""
    while os.read(sys.stdin.fileno(), 1):
        yield


def wait_for_parent() -> None:
    """In the child: return when the parent hangs up, or is gone."""
    for _ in questions():
        pass


def allow_many_sockets() -> None:
    """Have as many as the system lets a process have, not the usual soft limit of 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
