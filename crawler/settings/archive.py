"""Options under the heading "archive": requests and responses in WARC files."""

from typing import Annotated

from crawler.settings.distribution import DistributionFields
from crawler.settings.option import option
from crawler.settings.types import Path, Scale


class ArchiveFields(DistributionFields, frozen=True, kw_only=True):
    record: Annotated[
        Path | None,
        option(
            "archive",
            "record every request and its response in this WARC file, which must not exist yet",
            "FILE",
            example="run.warc.gz",
            path=True,
        ),
    ] = None

    replay: Annotated[
        Path | None,
        option(
            "archive",
            "answer all requests from this WARC file instead of the network, as fast or slowly as "
            "the servers did",
            "FILE",
            example="run.warc.gz",
            path=True,
        ),
    ] = None

    latency_scale: Annotated[
        Scale,
        option("archive", "factor for the recorded waits of --replay; 0 for no waits", "X"),
    ] = 1.0
