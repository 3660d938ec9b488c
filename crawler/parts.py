"""What a crawl is made of, and its bounds: handed to the core, which makes none of it."""

from collections.abc import Callable

import msgspec

from crawler.documents import Documents
from crawler.fetcher import Fetcher
from crawler.frontier.frontier import Frontier
from crawler.frontier.ledger import Ledger
from crawler.frontier.retry import Retry
from crawler.intake import Gate
from crawler.model import Event
from crawler.parsing.stage import ParseStage
from crawler.sinks.output import Output
from crawler.sources import Source
from crawler.urls import Scope


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
    documents: Documents
    frontier: Frontier
    ledger: Ledger
    retry: Retry
    fetcher: Fetcher
    parse: ParseStage
    output: Output
    scope: Scope
    agent: str
    gate: Gate
    observe: Callable[[Event], None]
    opening: Callable[[], None]
    closing: Callable[[int], None]
    failures: int
    skips: int
