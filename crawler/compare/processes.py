"""Makes each run in a new process, so that it inherits nothing from the run before."""

import os
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Self

import msgspec

from crawler.compare.listing import Listing
from crawler.compare.one_run import RunJob
from crawler.localweb.process import command, environment
from crawler.model.errors import StateError, UsageError

_EXIT_TIMEOUT = 10.0


class Crawls:
    """Crawls of one list; a context manager.

    The list and the job file may contain secrets: only this user can read them, and they are
    deleted at the end of the context.
    """

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._list = stack.enter_context(tempfile.TemporaryFile())
            self._list.write(self._listing.piped)
            self._list.flush()
            self._pipe, writing_end = os.pipe()
            stack.callback(os.close, self._pipe)
            stack.callback(os.close, writing_end)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="crawler-"))
            self._job = Path(folder, "job.json")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def crawl(self, job: RunJob, *, visible: bool = False) -> float:
        """Crawl; returns the CPU seconds of the crawl and all its processes (wait4(2)).

        ``visible``: its standard error is shown. Raises UsageError and StateError with the last
        line of standard error, and KeyboardInterrupt if the crawl was interrupted.
        """
        listed = {
            "sources": self._listing.sources,
            "column": self._listing.column,
            "delimiter": self._listing.delimiter,
        }
        complete = msgspec.structs.replace(job, flags={**job.flags, **listed}, parent=self._pipe)
        self._job.write_bytes(msgspec.json.encode(complete))
        os.lseek(self._list.fileno(), 0, os.SEEK_SET)
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(  # noqa: S603 (our own module)
                command("crawler.compare.one_run", str(self._job)),
                stdin=self._list,
                stdout=subprocess.DEVNULL,
                stderr=None if visible else errors,
                env=environment(),
                pass_fds=(self._pipe,),
            )
            cpu = _cpu_of(process)
            if process.returncode:
                raise _error(process.returncode, errors)
        return cpu


def _cpu_of(process: "subprocess.Popen[bytes]") -> float:
    try:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if process.returncode is None:
            _end(process)
    return usage.ru_utime + usage.ru_stime


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ctrl-C reached the child as well, so this is its second signal: it ends at once."""
    process.terminate()
    try:
        process.wait(_EXIT_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _error(code: int, errors: IO[bytes]) -> BaseException:
    if code == 130:
        return KeyboardInterrupt()
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    message = lines[-1] if lines else f"the crawl ended with exit code {code}"
    return UsageError(message) if code == 2 else StateError(message)
