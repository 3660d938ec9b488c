"""Imported by the fork server and by nothing else: all workers have it from their birth.

It loads what a worker needs, so that a new one is ready in some milliseconds. And it ignores the
signals that a worker ignores: one that comes while the worker starts must not end it.
"""

import gc

from crawler.parsing.executors.worker import ignore_signals

ignore_signals()
gc.freeze()  # else each worker copies the pages of these objects at its first collection
