"""One parse process: reads batches from a socket, answers with results, dies with its parent.

It is started as a bare interpreter, not forked and not by multiprocessing: so it never imports the
user's ``__main__``, and a script without the guard, ``python -c``, stdin and a notebook all work.
The socket is its standard input; when the parent is gone, however it went, reading gives EOF.

A page that takes longer than its deadline is ended by the kernel: the default action of SIGALRM
kills the process even while lexbor, in C, holds the GIL for minutes. The parent sees the socket
close and knows which batch it was.
"""

import errno
import pickle
import resource
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from enum import IntEnum

import msgspec

from crawler.parsing.batch import BatchParser, Outcome, Results, Task
from crawler.parsing.facts import tune_allocator
from crawler.parsing.job import ParseOptions
from crawler.sinks.base import Encoder

HEAD = struct.Struct("=QB")
"""The head of every message: the length of its payload in bytes, and its tag."""


class Tag(IntEnum):
    """What a message is. ``SETUP`` and ``BATCH`` go to the worker, the others come from it."""

    SETUP = 0
    BATCH = 1
    READY = 2
    BEGUN = 3
    RESULTS = 4


MEMORY = 4 << 30
"""Bytes of data a worker may hold; past it the page that wanted more fails (RLIMIT_DATA)."""


class Setup(msgspec.Struct, frozen=True):
    """The first message, pickled; all others are MessagePack."""

    options: ParseOptions
    encoders: tuple[Encoder, ...]
    timeout: float


def receive(sock: socket.socket, size: int) -> bytearray | None:
    """Exactly ``size`` bytes, or None when the parent is gone."""
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = sock.recv_into(view)
        if not count:
            return None
        view = view[count:]
    return data


def message(sock: socket.socket) -> bytearray | None:
    """The payload of the next message, or None when the parent is gone."""
    head = receive(sock, HEAD.size)
    return None if head is None else receive(sock, HEAD.unpack(head)[0])


def send(sock: socket.socket, tag: Tag, payload: bytes = b"") -> None:
    sock.sendall(HEAD.pack(len(payload), tag) + payload)


class TimedParser(BatchParser):
    """Gives each page ``timeout`` seconds, and the kernel the order to end us past them."""

    def __init__(self, options: ParseOptions, encoders: Sequence[Encoder], timeout: float) -> None:
        super().__init__(options, encoders)
        self._timeout = timeout

    def one(self, task: Task, chunks: list[list[bytes]]) -> Outcome:
        signal.setitimer(signal.ITIMER_REAL, self._timeout)
        try:
            return super().one(task, chunks)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def serve(sock: socket.socket) -> None:
    first = message(sock)
    if first is None:
        return
    setup: Setup = pickle.loads(first)  # noqa: S301 - from our own parent, over a private socket
    parser = TimedParser(setup.options, setup.encoders, setup.timeout)
    encode = msgspec.msgpack.Encoder().encode
    decode = msgspec.msgpack.Decoder(tuple[Task, ...]).decode
    send(sock, Tag.READY)
    while (data := message(sock)) is not None:
        send(sock, Tag.BEGUN)  # if this process dies now, a page of this batch is the cause
        results: Results = parser.run_timed(decode(data))
        send(sock, Tag.RESULTS, encode(results))


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the group; the parent decides
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    tune_allocator()
    with socket.socket(fileno=sys.stdin.fileno()) as sock:
        try:
            serve(sock)
        except (BrokenPipeError, ConnectionResetError):
            return  # the parent went while we were answering
        except MemoryError:
            sys.exit(errno.ENOMEM)  # what we had in hand is tried again in a new process
