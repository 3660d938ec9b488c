"""The process of slices: reads orders from standard input, and writes answers."""

import os
import queue
import signal
import sys
import threading
from contextlib import suppress
from typing import IO

import msgspec

from crawler.app.little_memory import need_less_memory
from crawler.distributed.records import SliceAnswer, SliceOrder
from crawler.distributed.session import SliceSession
from crawler.distributed.slice_process import read, write
from crawler.model.errors import CrawlerError, UsageError
from crawler.model.version import __version__
from crawler.parsing.executors.registry import prestarted


def main() -> None:
    """Work until standard input ends; then end at once, also in the middle of a slice.

    After that its run can be resumed, as after a kill.
    """
    # The driver gets the signals of the terminal, and then ends our slice.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = _own_output()
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, orders), daemon=True).start()
    need_less_memory(parses=False)
    with prestarted("process") as server:
        while True:
            text = orders.get()
            write(answers, msgspec.json.encode(_answer(text, SliceSession(server))))


def _own_output() -> IO[bytes]:
    """Standard output for answers alone: what anything else writes there goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _read(orders: IO[bytes], into: "queue.SimpleQueue[bytes]") -> None:
    with suppress(EOFError):
        while True:
            into.put(read(orders))
    os._exit(0)


def _answer(text: bytes, session: SliceSession) -> SliceAnswer:
    try:
        version = msgspec.json.decode(text, type=_Version).version
        if version != __version__:
            message = f"this worker has version {__version__}, the crawl was started by {version}"
            return SliceAnswer(-1, -1, "usage", message=message)
        order = msgspec.json.decode(text, type=SliceOrder)
    except msgspec.MsgspecError as error:
        return SliceAnswer(-1, -1, "usage", message=f"this order cannot be read: {error}")
    try:
        return session.run(order)
    except UsageError as error:
        return SliceAnswer(order.shard, order.turn, "usage", message=str(error))
    except CrawlerError as error:
        return SliceAnswer(order.shard, order.turn, "failed", message=str(error))


class _Version(msgspec.Struct):
    version: str
