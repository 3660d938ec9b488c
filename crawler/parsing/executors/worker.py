"""One parse process: reads batches from a socket, sends results, and ends with its parent.

``spawn`` says how it is started. The socket is its standard input; when the parent has ended, even
by a kill, it reads EOF.

If a page takes longer than its deadline, the kernel ends the process: the default action of SIGALRM
kills it even while lexbor, in C, holds the GIL for minutes. The parent sees the socket close and
knows the batch.
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
    """The type of a message. ``SETUP`` and ``BATCH`` go to the worker, the others to the parent."""

    SETUP = 0
    BATCH = 1
    READY = 2
    BEGUN = 3
    RESULTS = 4


MEMORY = 4 << 30
"""Maximum bytes of data of a worker (RLIMIT_DATA); a page that needs more fails."""


class Setup(msgspec.Struct, frozen=True):
    """The first message, pickled; all others are MessagePack."""

    options: ParseOptions
    encoders: tuple[Encoder, ...]
    timeout: float


def receive(sock: socket.socket, size: int) -> bytearray | None:
    """Return exactly ``size`` bytes, or None if the parent has ended."""
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = sock.recv_into(view)
        if not count:
            return None
        view = view[count:]
    return data


def receive_message(sock: socket.socket) -> bytearray | None:
    """Return the payload of the next message, or None if the parent has ended."""
    head = receive(sock, HEAD.size)
    return None if head is None else receive(sock, HEAD.unpack(head)[0])


def send(sock: socket.socket, tag: Tag, payload: bytes = b"") -> None:
    sock.sendall(HEAD.pack(len(payload), tag) + payload)


class TimedParser(BatchParser):
    """Limits each page to ``timeout`` seconds: then the kernel ends this process."""

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
    """Parse the batches from ``sock`` until the parent closes it."""
    first = receive_message(sock)
    if first is None:
        return
    setup: Setup = pickle.loads(first)  # noqa: S301 - from our own parent, over a private socket
    parser = TimedParser(setup.options, setup.encoders, setup.timeout)
    encode = msgspec.msgpack.Encoder().encode
    decode = msgspec.msgpack.Decoder(tuple[Task, ...]).decode
    send(sock, Tag.READY)
    while (data := receive_message(sock)) is not None:
        send(sock, Tag.BEGUN)  # if this process dies after this, a page of this batch is the cause
        results: Results = parser.run_timed(decode(data))
        send(sock, Tag.RESULTS, encode(results))


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent decides
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    tune_allocator()
    with socket.socket(fileno=sys.stdin.fileno()) as sock:
        try:
            serve(sock)
        except (BrokenPipeError, ConnectionResetError):
            return  # the parent ended while this process sent results
        except MemoryError:
            sys.exit(errno.ENOMEM)  # the parent retries the batch in a new process
