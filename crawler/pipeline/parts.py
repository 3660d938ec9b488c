"""What a crawl is made of, and its bounds: handed to the core, which makes none of it."""

from collections.abc import Callable

import msgspec

from crawler.fetch.fetcher import Fetcher
from crawler.frontier.frontier import Frontier
from crawler.frontier.retry import Retry
from crawler.frontier.state.store_thread import StoreThread
from crawler.model.events import Event
from crawler.model.scope import Scope
from crawler.parsing.executors.base import ParseExecutor
from crawler.pipeline.intake import EntryRules
from crawler.pipeline.source_fetch import SourceFetch
from crawler.sinks.output import Output
from crawler.sources import Source


class Limits(msgspec.Struct, frozen=True):
    """Bounds of a run: fetch slots, bytes of bodies that wait, pages (None: all there are).

    With ``read_first`` nothing is fetched before the input was read.
    """

    concurrency: int
    memory: int
    max_pages: int | None = None
    read_first: bool = False


class Parts(msgspec.Struct, frozen=True):
    """What a crawl is made of. ``failures`` and ``skips`` are the numbers of their writers.

    ``gate`` is what every URL comes in by, ``observe`` is told every event. ``opening`` is called
    before the first request; ``closing`` after the last commit, while processes still live, with
    how many pages were the same as another. ``agent`` is whom robots.txt may have rules for.
    """

    source: Source
    documents: SourceFetch
    frontier: Frontier
    ledger: StoreThread
    retry: Retry
    fetcher: Fetcher
    parse: ParseExecutor
    output: Output
    scope: Scope
    agent: str
    gate: EntryRules
    observe: Callable[[Event], None]
    opening: Callable[[], None]
    closing: Callable[[int], None]
    failures: int
    skips: int
