"""The standard streams of the program: each may be closed, full, or without a reader.

What is only told, on standard error, is dropped where it cannot be written: it does not matter for
the crawl. What was asked for, on standard output, must be written, or the command fails.
"""

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress

from crawler.model.errors import StateError, UsageError

TYPE_CHECKING = False  # as in typing, which takes 5 ms to import
if TYPE_CHECKING:
    from typing import TextIO

    from _typeshed import ReadableBuffer


class ClosedOutput(io.TextIOWrapper):
    """Stands for standard output where that is closed: drops what a parser prints, for example."""

    def __init__(self) -> None:
        super().__init__(io.BufferedWriter(_ToldBytes(1, "w", closefd=False)), "utf-8")


class _AskedBytes(io.FileIO):
    """Standard output; what cannot be written is a StateError, or BrokenPipeError."""

    def write(self, data: "ReadableBuffer") -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise StateError(f"standard output: {error.strerror or error}") from None


class _ToldBytes(io.FileIO):
    """A file that drops what cannot be written, also what its reader has no room for."""

    def write(self, data: "ReadableBuffer") -> int:
        try:
            return super().write(data) or memoryview(data).nbytes
        except OSError:
            return memoryview(data).nbytes


def prepare() -> None:
    """Make the standard streams of this process usable; call it before anything is opened.

    Else the next file would get the descriptor of a closed stream, for example the state of a run,
    and what is written for people would go into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # It gets the lowest free number, which is this one. Standard input is not readable so.
            os.set_inheritable(os.open(os.devnull, os.O_WRONLY), True)
    if sys.stdout is sys.__stdout__:  # else another program has taken it
        sys.stdout = _asked(sys.stdout)
    if sys.stderr is sys.__stderr__:
        encoding = "utf-8" if sys.stderr is None else sys.stderr.encoding
        told = io.BufferedWriter(_ToldBytes(2, "w", closefd=False))
        sys.stderr = io.TextIOWrapper(told, encoding, "backslashreplace", line_buffering=True)


def _asked(stream: "TextIO | None") -> "TextIO":
    if not isinstance(stream, io.TextIOWrapper):
        return ClosedOutput()
    # The name of a file may be in any encoding.
    errors = "surrogateescape" if stream.encoding.lower() == "utf-8" else "backslashreplace"
    return io.TextIOWrapper(
        io.BufferedWriter(_AskedBytes(1, "w", closefd=False)),
        stream.encoding,
        errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def check_output() -> None:
    """Raise UsageError if standard output, for which a command has something, is closed."""
    if isinstance(sys.stdout, ClosedOutput):
        raise UsageError("standard output is closed")


def flush_output() -> None:
    """Write what waits for standard output. Raises BrokenPipeError and StateError.

    What could not be written is dropped, or Python would try it once more when it ends.
    """
    try:
        sys.stdout.flush()
    except (BrokenPipeError, StateError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
        raise


def tell(write: Callable[[], object]) -> None:
    """Call ``write``, which writes to standard output what no program needs."""
    with suppress(BrokenPipeError, StateError):
        try:
            write()
        finally:
            flush_output()
