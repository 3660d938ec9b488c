"""Who watches a crawl: what the pipeline reports, and to whom."""

from typing import Protocol

from crawler.model.events import Event


class Observer(Protocol):
    """Called on the fetch thread; it must return quickly."""

    def started(self) -> None:
        """The first request is about to start."""
        ...

    def event(self, event: Event) -> None: ...

    def ended(self, duplicate_pages: int) -> None:
        """The last commit is done; the processes still live.

        ``duplicate_pages`` had the same content as another page.
        """
        ...
