"""Says quickly and clearly that nothing is where workers should be."""

import socket

from crawler.distributed.engines.place import WorkerPlace
from crawler.model.errors import StateError

TIMEOUT_S = 10.0
"""How long an address, or a first worker, is waited for, in seconds."""


def check_answers(place: WorkerPlace, what: str) -> None:
    """Raises StateError if no TCP connection can be made to the address; ``what`` should be there.

    Libraries try for minutes, or say it in a traceback.
    """
    try:
        socket.create_connection((place.host, place.port), TIMEOUT_S).close()
    except OSError as error:
        raise StateError(
            f"--on {place.shown}: nothing answers at {place.at} ({_reason(error)}); "
            f"is {what} running there?"
        ) from None


def no_worker(place: WorkerPlace, start: str) -> StateError:
    """The error if no worker has joined in time; ``start`` is the command that starts one."""
    return StateError(
        f"--on {place.shown}: no worker has joined within {TIMEOUT_S:g} s; start one with: {start}"
    )


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"no connection within {TIMEOUT_S:g} s"
    return error.strerror or str(error)
