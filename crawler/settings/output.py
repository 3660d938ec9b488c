"""Options under the heading ``output``."""

from typing import Annotated

from crawler.settings.option import option
from crawler.settings.parsing import ParsingFields


class OutputFields(ParsingFields, frozen=True, kw_only=True):
    out: Annotated[
        tuple[str, ...],
        option(
            "output",
            "write pages here, not into the run directory; the suffix picks the format, - is "
            "standard output; repeatable",
            "PATH",
            example=["pages.jsonl"],
        ),
    ] = ()

    json: Annotated[bool, option("output", "print the report as JSON")] = False

    quiet: Annotated[bool, option("output", "print no progress and no report")] = False
