"""Options under the heading "parsing": where pages are parsed, and what is extracted."""

from typing import Annotated

from crawler.engines.names import AUTO
from crawler.parsing.executors.names import EXECUTORS, WITHOUT_WORKERS
from crawler.settings.cores import usable_cores
from crawler.settings.defaults import CACHE_SIZE
from crawler.settings.following import FollowingFields
from crawler.settings.objects import EXECUTOR, PARSER
from crawler.settings.option import option
from crawler.settings.sizes import format_size
from crawler.settings.types import ParseChoice, ParserChoice, Path, Seconds, Size, Workers


class ParsingFields(FollowingFields, frozen=True, kw_only=True):
    parse: Annotated[
        ParseChoice,
        option(
            "parsing",
            "where pages are parsed: in worker processes (process; or loky, the pool of joblib), "
            "in worker threads, in the thread that fetches (inline), or not at all (none)",
            "NAME",
            choices=tuple(EXECUTORS),
            objects=EXECUTOR,
        ),
    ] = next(iter(EXECUTORS))

    workers: Annotated[
        Workers | None,
        option(
            "parsing",
            "number of worker processes or threads that parse (default: number of usable cores; 1 "
            "with --parse none)",
            "N",
            example=2,
        ),
    ] = None

    parse_timeout: Annotated[
        Seconds,
        option(
            "parsing",
            "maximum CPU seconds to parse one page, with --parse process or loky; a page that "
            "waits instead of computing may take four times as long",
            "S",
        ),
    ] = 5.0

    parser: Annotated[
        ParserChoice | None,
        option(
            "parsing",
            "your own function, which is called with each page and returns fields for its record",
            "MODULE:FUNCTION",
            example="shop:prices",
            objects=PARSER,
        ),
    ] = None

    extract: Annotated[
        Path | None,
        option(
            "parsing",
            "TOML file with rules that find the values of fields in pages",
            "FILE",
            example="fields.toml",
            path=True,
        ),
    ] = None

    cache: Annotated[
        Path | None,
        option(
            "parsing",
            "keep the results of parsing in this folder, for all crawls that name it; a page "
            "that was parsed before is not parsed again",
            "DIR",
            example="cache",
            path=True,
        ),
    ] = None

    cache_size: Annotated[
        Size | None,
        option(
            "parsing",
            "maximum size of the results in the folder of --cache; the oldest ones are dropped "
            f"(default: {format_size(CACHE_SIZE)})",
            "SIZE",
            example="5GB",
            size=True,
        ),
    ] = None

    html: Annotated[bool, option("parsing", "include the HTML in the record of each page")] = False

    @property
    def parse_workers(self) -> int:
        """``workers`` or the number of usable cores; 0 if no process or thread parses."""
        if self.parse in WITHOUT_WORKERS:
            return 0
        # One thread makes digests fast enough; more of them delay the fetch thread at the lock.
        return self.workers or (1 if self.parse == "none" else usable_cores())

    @property
    def first_workers(self) -> int:
        """Number of parse workers at the start; the engine ``auto`` adds others when needed."""
        most = self.parse_workers
        return min(1, most) if self.engine == AUTO and self.workers is None else most
