"""Facts about the Python that runs this program."""

import sys


def has_lock() -> bool:
    """Whether threads take turns, because the interpreter has a lock (GIL).

    Builds without it exist from Python 3.13. There too an extension module that needs the lock
    turns it on, so ask after the imports.
    """
    is_enabled = getattr(sys, "_is_gil_enabled", None)
    return is_enabled is None or bool(is_enabled())
