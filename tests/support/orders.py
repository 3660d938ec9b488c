"""Orders for the contract of the engines: what a worker does is said in the order, as JSON."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

PATIENCE = 60.0
"""Seconds until what does not happen fails a test."""

_MOMENT = 0.05


def order(do: str, **options: Any) -> bytes:
    return msgspec.json.encode({"do": do, **options})


def run(order: bytes) -> bytes:
    """Carry out an order; what every engine runs in the contract."""
    options = msgspec.json.decode(order)
    answer = ORDERS[options.pop("do")](**options)
    return msgspec.json.encode(answer)


def echo(text: str) -> str:
    return text


def pid() -> int:
    return os.getpid()


def fail(text: str) -> None:
    raise LookupError(text)


def note(log: str) -> None:
    """Write to ``log`` that the order began, and take a moment."""
    with Path(log).open("a") as file:
        file.write("begun\n")
    time.sleep(_MOMENT)


def kill_worker(log: str) -> None:
    """Like ``note``, and then kill the process that carries it out."""
    note(log)
    os.kill(os.getpid(), signal.SIGKILL)


def hold(begun: str, until: str) -> str:
    """Create the file ``begun``, and go on when there is a file ``until``."""
    Path(begun).touch()
    wait_for(Path(until))
    return begun


def hold_and_touch(begun: str, until: str, after: str) -> None:
    """Like ``hold``; in the end there is a file ``after``."""
    hold(begun, until)
    Path(after).touch()


def wait_for(*files: Path) -> None:
    """Wait until all of ``files`` exist."""
    end = time.monotonic() + PATIENCE
    while not all(file.exists() for file in files):
        assert time.monotonic() < end, f"{files} did not appear"
        time.sleep(0.01)


ORDERS: dict[str, Callable[..., object]] = {
    each.__name__: each for each in (echo, pid, fail, kill_worker, note, hold, hold_and_touch)
}
