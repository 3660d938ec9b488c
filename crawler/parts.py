"""What a crawl is made of, and its bounds: handed to the core, which makes none of it."""

from collections.abc import Callable

import msgspec

from crawler.documents import Documents
from crawler.fetcher import Fetcher
from crawler.frontier.frontier import Frontier
from crawler.frontier.ledger import Ledger
from crawler.frontier.retry import Retry
from crawler.model import Event
from crawler.parsing.stage import ParseStage
from crawler.sinks.output import Output
from crawler.sources import Source, Wanted
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

    ``accept`` is told every good line of the input before it is asked for, ``observe`` every event;
    ``opening`` is called before the first request, ``closing`` after the last commit, while all
    processes still live. ``agent`` is the name that robots.txt may have rules for.
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
    accept: Callable[[Wanted], None]
    observe: Callable[[Event], None]
    opening: Callable[[], None]
    closing: Callable[[], None]
    failures: int
    skips: int
