"""Settings to the parse stage."""

from collections.abc import Iterable

from crawler.model.scope import make_scope, make_strip
from crawler.model.traps import Traps
from crawler.parsing.custom import check_parser
from crawler.parsing.executors.base import ParseExecutor
from crawler.parsing.executors.inline import InlineExecutor
from crawler.parsing.executors.isolated import IsolatedExecutor
from crawler.parsing.executors.spawn import Spawned
from crawler.parsing.executors.thread import ThreadExecutor
from crawler.parsing.fields import load_rules
from crawler.parsing.job import ParseOptions
from crawler.settings import Settings
from crawler.sinks.base import Encoder


def parse_options(settings: Settings) -> ParseOptions:
    """Raises UsageError where the parser, a rule or a pattern cannot be used."""
    if settings.parser:
        check_parser(settings.parser)
    return ParseOptions(
        max_bytes=settings.max_bytes,
        follow=settings.follow,
        max_depth=settings.depth,
        scope=make_scope(settings.scope, settings.include, settings.exclude),
        html=settings.html,
        parser=settings.parser,
        extract=load_rules(settings.extract) if settings.extract else (),
        robots=settings.robots,
        read=settings.parse != "none",
        strip=make_strip(settings.strip_param),
        traps=Traps(settings.max_url_length, settings.max_repeats),
    )


def parse_stage(
    settings: Settings,
    options: ParseOptions,
    encoders: list[Encoder],
    spawned: Iterable[Spawned],
) -> ParseExecutor:
    if settings.parse == "process":
        count, timeout = settings.parse_workers, settings.parse_timeout
        first = settings.first_workers
        return IsolatedExecutor(options, encoders, count, timeout, spawned, first)
    if settings.parse == "thread":
        return ThreadExecutor(options, encoders, settings.parse_workers)
    return InlineExecutor(options, encoders)
