"""The interface of an observer: what the pipeline reports during a crawl."""

from typing import Protocol

from crawler.model.events import Event


class Observer(Protocol):
    """Called on the fetch thread; it must return quickly."""

    def started(self) -> None:
        """The first request is about to start."""
        ...

    def event(self, event: Event) -> None: ...

    def ended(self, duplicate_pages: int) -> None:
        """The last commit is done; the parse processes are still alive.

        ``duplicate_pages`` is the number of pages with the same content as another page.
        """
        ...
