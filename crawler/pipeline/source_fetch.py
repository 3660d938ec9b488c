"""Fetches the documents that contain input URLs: sitemaps. They are not entries."""

import time
from collections.abc import Callable
from concurrent.futures import Future

from crawler.fetch.addresses import Refuse, refuse_nothing
from crawler.frontier.frontier import Frontier
from crawler.model.callbacks import Wake
from crawler.model.exchange import FetchResult, Response
from crawler.sources import InputLine


class SourceFetch:
    """Fetches for the thread that reads the input, with politeness, robots.txt and retries."""

    def __init__(
        self,
        frontier: Frontier,
        accept: Callable[[InputLine], None],
        refuse: Refuse = refuse_nothing,
    ) -> None:
        """``accept`` is called with each line before its URL is requested; ``refuse`` judges a
        line by the sitemap in which it was found.
        """
        self._frontier = frontier
        self._accept = accept
        self._refuse = refuse
        self._waiting: set[Future[Response]] = set()

    def start(self, call_soon: Callable[..., None], wake: Wake) -> None:
        """``call_soon`` runs a function on the fetch thread; a new request calls ``wake``."""
        self._call_soon = call_soon
        self._wake = wake

    def fetch(self, line: InputLine) -> Response:
        """Fetch the document of ``line``. It blocks; call it from another thread.

        Raises FetchError and SkipError, and CancelledError if the crawl ends.
        """
        future: Future[Response] = Future()
        self._waiting.add(future)
        self._call_soon(self._request, line, future)
        return future.result()

    def _request(self, line: InputLine, future: "Future[Response]") -> None:
        self._accept(line)

        def deliver(result: FetchResult) -> None:
            self._waiting.discard(future)
            if isinstance(result, Response):
                future.set_result(result)
            else:
                future.set_exception(result)

        refusal = None if line.found_at is None else self._refuse(line.found_at, line.url)
        if refusal is not None:
            deliver(refusal)
            return
        self._frontier.add_document(line.url, time.monotonic(), deliver)
        self._wake()

    def close(self) -> None:
        """Cancel every ``fetch`` that still waits."""
        for future in self._waiting:
            future.cancel()
