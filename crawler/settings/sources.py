"""Options under the heading ``sources``."""

from typing import Annotated, Literal

import msgspec

from crawler.settings.defaults import ORDER
from crawler.settings.option import option
from crawler.settings.types import Name, Path


class SourcesFields(msgspec.Struct, frozen=True, kw_only=True):
    sources: Annotated[
        tuple[str, ...],
        option(
            "sources",
            "a URL, a file of URLs (one a line, # comments), a CSV or TSV with a header row, a "
            "sitemap (file or URL), or - for standard input",
            "SOURCE",
            example=["urls.txt"],
        ),
    ] = ()

    column: Annotated[
        Name | None,
        option(
            "sources",
            "the files and standard input are tables, and this column holds the URLs (default: "
            "url, in files called .csv or .tsv)",
            "NAME",
            example="url",
        ),
    ] = None

    order: Annotated[
        Literal["input", "random", "slowest"] | None,
        option(
            "sources",
            "which URLs first; all but input hold the whole list in memory (default: "
            f"{ORDER}; with a history slowest)",
            "NAME",
            example="slowest",
        ),
    ] = None

    history: Annotated[
        Path | None,
        option(
            "sources",
            "run directory of an earlier crawl, for --order slowest: what took longest goes first",
            "RUN",
            example="runs/first",
        ),
    ] = None

    @property
    def line_order(self) -> Literal["input", "random", "slowest"]:
        """``order``, or its default."""
        return self.order or ("slowest" if self.history else ORDER)
