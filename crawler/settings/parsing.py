"""Options under the heading ``parsing``."""

from typing import Annotated, Literal

from crawler.engines.names import AUTO
from crawler.settings.cores import usable_cores
from crawler.settings.following import FollowingFields
from crawler.settings.option import option
from crawler.settings.types import Function, Path, Seconds, Workers


class ParsingFields(FollowingFields, frozen=True, kw_only=True):
    parse: Annotated[
        Literal["process", "thread", "inline", "none"],
        option("parsing", "where pages are parsed, inline being the thread that fetches", "NAME"),
    ] = "process"

    workers: Annotated[
        Workers | None,
        option(
            "parsing",
            "parse workers (default: one for each usable core)",
            "N",
            example=2,
        ),
    ] = None

    parse_timeout: Annotated[
        Seconds, option("parsing", "seconds the parsing of one page may take", "S")
    ] = 5.0

    parser: Annotated[
        Function | None,
        option(
            "parsing",
            "your own function: it is given each page and returns fields for the record",
            "MODULE:FUNCTION",
            example="shop:prices",
        ),
    ] = None

    extract: Annotated[
        Path | None,
        option(
            "parsing",
            "TOML file of fields and the CSS selectors that find them",
            "FILE",
            example="fields.toml",
        ),
    ] = None

    html: Annotated[bool, option("parsing", "keep the HTML in the record of a page")] = False

    @property
    def parse_workers(self) -> int:
        """``workers``, or the cores this process may use; 0 where the fetch thread parses."""
        if self.parse not in ("process", "thread"):
            return 0
        return self.workers or usable_cores()

    @property
    def first_workers(self) -> int:
        """Parse workers to begin with; with ``auto`` others come when there is work for them."""
        most = self.parse_workers
        return min(1, most) if self.engine == AUTO and self.workers is None else most
