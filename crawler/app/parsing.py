"""Builds the options of the parse executor from settings."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.app.fetching import request_headers
from crawler.model.errors import StateError, UsageError
from crawler.model.scope import make_scope, make_strip
from crawler.model.traps import Traps
from crawler.model.user_agent import products
from crawler.parsing.cache_file import open_cache
from crawler.parsing.custom import check_parser
from crawler.parsing.executors.base import ExecutorOptions
from crawler.parsing.executors.names import IN_THIS_PROCESS
from crawler.parsing.executors.portable import pack
from crawler.parsing.executors.registry import check_executor
from crawler.parsing.extract.load import load_rules
from crawler.parsing.job import CacheOptions, ParseOptions
from crawler.settings import Settings
from crawler.settings.defaults import CACHE_SIZE
from crawler.sinks.base import Encoder, Sink

if TYPE_CHECKING:
    from crawler.parsing.executors.forkserver import ForkServer


def parse_options(settings: Settings) -> ParseOptions:
    """Raises UsageError if the executor or anything that it is to use is invalid."""
    if isinstance(settings.parser, str):
        check_parser(settings.parser)
    options = ParseOptions(
        max_bytes=settings.max_bytes,
        follow=settings.follow,
        max_depth=settings.depth,
        scope=make_scope(settings.scope, settings.include, settings.exclude),
        html=settings.html,
        parser=settings.parser,
        extract=load_rules(settings.extract) if settings.extract else None,
        robots=settings.robots,
        read=settings.parse != "none",
        strip=make_strip(settings.strip_param),
        traps=Traps(settings.max_url_length, settings.max_repeats),
        cache=_cache(settings),
        names=products(request_headers(settings).user_agent),
    )
    check_executor(settings.parse)
    if settings.parse not in IN_THIS_PROCESS:
        pack((options, [sink.encoder for sink in settings.out if isinstance(sink, Sink)]))
    return options


def _cache(settings: Settings) -> CacheOptions | None:
    if settings.cache is None:
        return None
    size = settings.cache_size or CACHE_SIZE
    return CacheOptions(str(Path(settings.cache).absolute()), size)


def prepare_cache(options: ParseOptions) -> None:
    """Create the cache if it is missing. Raises UsageError if it cannot be written."""
    if options.cache is not None:
        try:
            open_cache(Path(options.cache.folder), options.cache.most_bytes).close()
        except StateError as error:
            raise UsageError(f"--cache {error}") from None


def executor_options(
    settings: Settings,
    parse: ParseOptions,
    encoders: Iterable[Encoder],
    prestarted: "ForkServer | None",
) -> ExecutorOptions:
    return ExecutorOptions(
        parse,
        tuple(encoders),
        workers=settings.parse_workers,
        first=settings.first_workers,
        timeout=settings.parse_timeout,
        prestarted=prestarted,
    )
