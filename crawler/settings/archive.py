"""Options under the heading ``archive``."""

from typing import Annotated

from crawler.settings.option import option
from crawler.settings.run import RunFields
from crawler.settings.types import Path, Scale


class ArchiveFields(RunFields, frozen=True, kw_only=True):
    record: Annotated[
        Path | None,
        option(
            "archive",
            "keep every request and its answer in this WARC file, which must not exist yet",
            "FILE",
            example="run.warc.gz",
        ),
    ] = None

    replay: Annotated[
        Path | None,
        option(
            "archive",
            "ask no network but what this WARC file holds, as fast or slow as it was",
            "FILE",
            example="run.warc.gz",
        ),
    ] = None

    latency_scale: Annotated[
        Scale, option("archive", "what to multiply the recorded waits by, 0 for none", "X")
    ] = 1.0
