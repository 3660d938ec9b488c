"""Parses on threads of this process."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile

from crawler.parsing.batch import BatchParser, Results
from crawler.parsing.executors.base import Batch, ExecutorOptions
from crawler.parsing.executors.futures import FuturesExecutor


class ThreadExecutor(FuturesExecutor):
    """Parses on threads. lexbor holds the GIL, so this is not faster than ``inline``."""

    def __init__(self, options: ExecutorOptions) -> None:
        self._options = options
        self._threads = ThreadPoolExecutor(options.workers, "crawler-parse")
        self._own = threading.local()
        self._is_over = False
        super().__init__(self._threads, self._parse_batch, options.workers, most=options.workers)

    async def __aexit__(self, *_: object) -> None:
        await super().__aexit__()
        self._is_over = True
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _parse_batch(self, batch: Batch) -> Results:
        """Parse on the calling thread; each thread has a parser of its own."""
        parser = getattr(self._own, "parser", None)
        if parser is None:
            parser = self._own.parser = BatchParser(self._options.parse, self._options.encoders)
        # Nobody waits for the rest of the batch if the crawl is over.
        return parser.run_timed(takewhile(lambda _: not self._is_over, batch))
