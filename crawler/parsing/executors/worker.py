"""What runs in a worker process: its limits, and the parsing of one batch.

The functions are at module level and share ``_parser``, because a pool calls its workers' functions
by name and has no other place for what the calls of one worker share.
"""

import fcntl
import os
import pickle
import select
import signal
from multiprocessing.connection import Connection

import msgspec

from crawler.model.errors import FailureKind
from crawler.parsing.batch import BatchParser, Outcome, Task
from crawler.parsing.executors.mailbox import BETWEEN, NO_PAGE, Mailbox, Put
from crawler.parsing.executors.memory_limit import is_short_of_memory, limit_memory
from crawler.parsing.facts import tune_allocator
from crawler.parsing.job import ParseOptions
from crawler.sinks.base import Encoder

IGNORED = (signal.SIGINT, signal.SIGTERM)


class Setup(msgspec.Struct, frozen=True):
    """What a worker needs once. ``timeout`` is the CPU time of one page, in seconds."""

    options: ParseOptions
    encoders: tuple[Encoder, ...]
    timeout: float


class LimitedParser(BatchParser):
    """Notes the page that it parses, and limits the CPU time of this process for it.

    The kernel sends SIGPROF when the time is over (setitimer(2)). Its default action ends the
    process, also while C code holds the interpreter's lock. While the process is suspended or waits
    for a core, the clock stands still.
    """

    def __init__(self, setup: Setup, mailbox: Mailbox) -> None:
        super().__init__(setup.options, setup.encoders)
        self._timeout = setup.timeout
        self._mailbox = mailbox
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(tuple[Task, ...]).decode

    def run_slot(self, slot: int, put: Put) -> Put:
        """Parse the tuple of Task in a slot, and put its Results there; both as MessagePack."""
        self._mailbox.page = BETWEEN
        tasks = self._decode(self._mailbox.get(slot, put))
        parsed = self.run_timed(tasks)
        signal.setitimer(signal.ITIMER_PROF, 0)
        results = self._mailbox.put(slot, self._encode(parsed))
        self._mailbox.page = NO_PAGE
        return results

    def one(self, task: Task, chunks: list[list[bytes]]) -> Outcome:
        self._mailbox.page = task.job.id
        signal.setitimer(signal.ITIMER_PROF, self._timeout)
        outcome = super().one(task, chunks)
        if outcome.error is FailureKind.PARSE and is_short_of_memory():
            raise MemoryError
        # Not in a finally: after an error the mailbox says which page was the cause.
        self._mailbox.page = BETWEEN
        return outcome


_parser: LimitedParser | None = None
_mailbox: Mailbox
_parent: Connection
"""Stays open for as long as this process runs."""


def begin(mailbox: Mailbox, parent: Connection) -> None:
    """The initializer of a worker: its limits.

    ``parent`` is the reading end of a pipe; only the parent has the other end.
    """
    global _mailbox, _parent
    _mailbox, _parent = mailbox, parent
    ignore_signals()
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    _end_with(parent)
    # Its standard output is our standard error: the output of a user's parser must not be mixed
    # with the pages of ``--out -``.
    os.dup2(2, 1)
    limit_memory()
    tune_allocator()


def load(setup: bytes) -> None:
    """The first call of a worker; its end says that the worker is ready.

    ``setup`` is a pickled Setup. Raises what its objects raise when they are imported.
    """
    global _parser  # noqa: PLW0603 - see the docstring of the module
    # From our own parent, over a private pipe.
    _parser = LimitedParser(pickle.loads(setup), _mailbox)  # noqa: S301


def parse(slot: int, put: Put) -> Put:
    """See ``LimitedParser.run_slot``."""
    assert _parser is not None
    return _parser.run_slot(slot, put)


def ignore_signals() -> None:
    """Ctrl-C and ``timeout`` signal all processes of a group; the parent decides what happens."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED)


def _end_with(parent: Connection) -> None:
    """Let the kernel end this process when its parent has ended, whatever it is doing.

    A thread could not: it does not run while C code holds the interpreter's lock. The default
    action of SIGIO, which the kernel sends when the pipe closes, needs no interpreter.
    """
    pipe = parent.fileno()
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([pipe], [], [], 0)[0]:  # the parent ended before the kernel was asked
        os._exit(0)
