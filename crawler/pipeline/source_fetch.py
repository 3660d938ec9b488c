"""What the source needs fetched before it can go on: sitemaps. Requests, not entries."""

import time
from collections.abc import Callable
from concurrent.futures import Future

from crawler.frontier.frontier import Frontier
from crawler.model.errors import FetchError, SkipError
from crawler.model.exchange import Response
from crawler.sources import InputLine


class SourceFetch:
    """Fetches for another thread, by the frontier: politely, robots.txt first, with its tries."""

    call: Callable[..., None]
    """Runs a function on the fetch thread."""
    arrived: Callable[[], None]
    """Is called when there is more to fetch."""

    def __init__(self, frontier: Frontier, accept: Callable[[InputLine], None]) -> None:
        """``accept`` is told what will be asked for."""
        self._frontier = frontier
        self._accept = accept
        self._asked: set[Future[Response]] = set()

    def fetch(self, place: InputLine) -> Response:
        """From another thread: wait for a good answer. Raises FetchError and SkipError."""
        future: Future[Response] = Future()
        self._asked.add(future)
        self.call(self._ask, place, future)
        return future.result()

    def _ask(self, place: InputLine, future: "Future[Response]") -> None:
        self._accept(place)

        def tell(answer: Response | FetchError | SkipError) -> None:
            self._asked.discard(future)
            if isinstance(answer, Response):
                future.set_result(answer)
            else:
                future.set_exception(answer)

        self._frontier.add_document(place.url, time.monotonic(), tell)
        self.arrived()

    def close(self) -> None:
        """Nobody waits any longer."""
        for future in self._asked:
            future.cancel()
