"""Options under the heading "sources": where URLs come from, and in which order."""

from typing import Annotated, Literal

import msgspec

from crawler.settings.defaults import ORDER
from crawler.settings.option import option
from crawler.settings.types import Delimiter, Name, Path


class SourcesFields(msgspec.Struct, frozen=True, kw_only=True):
    sources: Annotated[
        tuple[str, ...],
        option(
            "sources",
            "a URL, a file with one URL per line (# starts a comment), a CSV or TSV file with a "
            "header row, a sitemap (file or URL), or - for standard input",
            "SOURCE",
            example=["urls.txt"],
        ),
    ] = ()

    column: Annotated[
        Name | None,
        option(
            "sources",
            "name of the column that contains the URLs; files and standard input are then read as "
            "tables (default: url, for .csv and .tsv files)",
            "NAME",
            example="url",
        ),
    ] = None

    delimiter: Annotated[
        Delimiter | None,
        option(
            "sources",
            "the character between the cells of a table, or tab; files and standard input are then "
            "read as tables (default: the one of , ; | and tab that makes a cell of the column's "
            "name)",
            "C",
            example=";",
        ),
    ] = None

    order: Annotated[
        Literal["input", "random", "slowest"] | None,
        option(
            "sources",
            f"order in which URLs are fetched, by default {ORDER}, or slowest with --history; "
            "random and slowest keep the whole list in memory",
            "NAME",
            example="slowest",
        ),
    ] = None

    history: Annotated[
        Path | None,
        option(
            "sources",
            "run directory of an earlier crawl: the URLs that took longest there are fetched "
            "first (--order slowest)",
            "RUN",
            example="runs/first",
            path=True,
        ),
    ] = None

    @property
    def line_order(self) -> Literal["input", "random", "slowest"]:
        """``order``, or its default."""
        return self.order or ("slowest" if self.history else ORDER)

    @property
    def cell_delimiter(self) -> str | None:
        """``delimiter`` as the character that it means."""
        return "\t" if self.delimiter in ("tab", r"\t") else self.delimiter
