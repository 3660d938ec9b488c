"""Imported by the fork server and by nothing else: all workers have it from their birth.

It loads what a worker needs, so that a new one is ready in some milliseconds. And it ignores the
signals that a worker ignores: one that comes while the worker starts must not end it.
"""

import atexit
import gc
from multiprocessing import forkserver

from crawler.parsing.executors.forkserver import remove_socket, socket_of
from crawler.parsing.executors.worker import ignore_signals


def _tidy_up() -> None:
    """The parent was killed, so it has not removed the socket."""
    remove_socket(socket_of(forkserver._forkserver))  # noqa: SLF001 - the server of this process


atexit.register(_tidy_up)
ignore_signals()
gc.freeze()  # else each worker copies the pages of these objects at its first collection
