"""What a crawl is made of, and its bounds: handed to the core, which makes none of it."""

from collections.abc import Callable

import msgspec

from crawler.fetcher import Fetcher
from crawler.frontier.frontier import Frontier
from crawler.frontier.retry import Retry
from crawler.model import Event
from crawler.parsing.stage import ParseStage
from crawler.sinks.output import Output
from crawler.sources import Source
from crawler.urls import Scope


class Limits(msgspec.Struct, frozen=True):
    """Bounds of a run: fetch slots, bytes of bodies that wait, pages (None: all there are)."""

    concurrency: int
    memory: int
    max_pages: int | None = None


class Parts(msgspec.Struct, frozen=True):
    """What a crawl is made of. ``failures`` and ``skips`` are the numbers of their writers.

    ``named`` is told every URL of the input before it is asked for, ``observe`` every event;
    ``opening`` is called before the first request, ``closing`` after the last commit, while all
    processes still live. ``agent`` is the name that robots.txt may have rules for.
    """

    source: Source
    frontier: Frontier
    retry: Retry
    fetcher: Fetcher
    parse: ParseStage
    output: Output
    scope: Scope
    agent: str
    named: Callable[[str], None]
    observe: Callable[[Event], None]
    opening: Callable[[], None]
    closing: Callable[[], None]
    failures: int
    skips: int
