"""Parses with an executor object that the user gives: any ``concurrent.futures.Executor``."""

import pickle
import threading
from concurrent.futures import Executor
from functools import partial

from crawler.parsing.batch import BatchParser, Results
from crawler.parsing.executors.base import Batch, ExecutorOptions
from crawler.parsing.executors.futures import FuturesExecutor
from crawler.parsing.executors.portable import pack

_AHEAD = 2
"""Batches per worker: one in work, and one that is on its way."""


class GivenExecutor(FuturesExecutor):
    """The executor stays the user's: it is not shut down, and how its workers end is its affair."""

    def __init__(self, executor: Executor, options: ExecutorOptions) -> None:
        """Raises UsageError if the parser or an encoder cannot be pickled."""
        parse = partial(parse_packed, pack((options.parse, options.encoders)))
        super().__init__(executor, parse, options.workers, most=_AHEAD * options.workers)


_cache = threading.local()
"""The parser of each thread of a worker: an executor gives a task no place to keep it."""


def parse_packed(packed: bytes, batch: Batch) -> Results:
    """Parse where the executor calls this: in a thread, a process, or on another machine.

    ``packed`` is a pickled pair of ParseOptions and encoders.
    """
    if getattr(_cache, "packed", None) != packed:
        # From our own crawl, through the user's executor.
        _cache.parser = BatchParser(*pickle.loads(packed))  # noqa: S301
        _cache.packed = packed
    parser: BatchParser = _cache.parser
    return parser.run_timed(batch)
