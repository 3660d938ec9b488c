"""Options under the heading "output": where pages are written, and what is printed."""

from typing import Annotated

from crawler.settings.objects import SINK
from crawler.settings.option import option
from crawler.settings.parsing import ParsingFields
from crawler.settings.types import OutputChoice


class OutputFields(ParsingFields, frozen=True, kw_only=True):
    out: Annotated[
        tuple[OutputChoice, ...],
        option(
            "output",
            "write pages to this file instead of the run directory; the suffix selects the format; "
            "- is standard output; repeatable",
            "PATH",
            example=["pages.jsonl"],
            path=True,
            objects=SINK,
        ),
    ] = ()

    overwrite: Annotated[
        bool, option("output", "replace the files of --out that exist; a resume never does")
    ] = False

    json: Annotated[bool, option("output", "print the report as JSON")] = False

    quiet: Annotated[bool, option("output", "print neither the progress nor the report")] = False
