"""A child process for a server, so that the crawl's measurements do not include the server."""

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
    """``python -m module argument``; -P, so that the current directory hides no module."""
    return [sys.executable, "-P", "-m", module, argument]


def environment() -> dict[str, str]:
    """The environment of this process, with its module search path in PYTHONPATH."""
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return {**os.environ, "PYTHONPATH": path}


class Child:
    """``python -m module``, with ``options`` as JSON in its first argument; a context manager.

    If it uses ``wait_for_parent`` or ``questions``, it ends when this process ends.
    """

    def __init__(self, module: str, options: object) -> None:
        self._module = module
        self._options = msgspec.json.encode(options).decode()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 (our own module, no user input)
            command(self._module, self._options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            process_group=0,  # Ctrl-C is for the parent, which may still need the server
        )
        return self

    def __exit__(self, *_: object) -> None:
        with self._process as process:
            self._close_stdin()
            try:
                process.wait(_EXIT_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()

    def line(self) -> bytes:
        """Wait for the next line that it writes; empty if it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def ask(self) -> bytes:
        """Send a question and return the line that follows; empty if the child has ended."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            os.write(self._process.stdin.fileno(), b"?")
        return self.line()

    def last_line(self) -> bytes:
        """Close its stdin and return the line that it then writes; empty if it had ended."""
        self._close_stdin()
        return self.line()

    def _close_stdin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()


def questions() -> Iterator[None]:
    """In the child: yield for each question of the parent; ends when the parent closes the pipe."""
    while os.read(sys.stdin.fileno(), 1):
        yield


def wait_for_parent() -> None:
    """In the child: return when the parent closes the pipe or ends."""
    for _ in questions():
        pass


def allow_many_sockets() -> None:
    """Raise the limit of open files from the soft limit (often 1,024) to the hard limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
