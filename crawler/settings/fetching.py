"""Options under the heading ``fetching``."""

from typing import Annotated

from crawler.engines.names import AUTO, ENGINES, PLUGINS
from crawler.settings.defaults import CONCURRENCY
from crawler.settings.option import option
from crawler.settings.sources import SourcesFields
from crawler.settings.types import Seconds, Size, SlotCount, Tries


class FetchingFields(SourcesFields, frozen=True, kw_only=True):
    engine: Annotated[
        str,
        option(
            "fetching",
            "the library that fetches, see `crawler engines`",
            "NAME",
            choices=(*ENGINES, AUTO),
            plugins=PLUGINS,
        ),
    ] = ENGINES[0]

    concurrency: Annotated[
        SlotCount | None,
        option(
            "fetching",
            f"requests in flight at the same time (default: {CONCURRENCY}, with sequential 1)",
            "N",
            example=CONCURRENCY,
        ),
    ] = None

    timeout: Annotated[Seconds, option("fetching", "seconds one request may take in all", "S")] = (
        30.0
    )

    retries: Annotated[
        Tries, option("fetching", "how often a failed request is tried again", "N")
    ] = 2

    max_bytes: Annotated[
        Size, option("fetching", "largest body, also once decompressed", "SIZE", size=True)
    ] = 10_000_000

    memory: Annotated[
        Size, option("fetching", "most bytes of bodies in memory at once", "SIZE", size=True)
    ] = 256_000_000

    http2: Annotated[
        bool, option("fetching", "speak HTTP/2 where the server can; with curl only")
    ] = False

    retry: Annotated[
        tuple[str, ...],
        option(
            "fetching",
            "try this kind of failure again so often, the first time after so many seconds, where "
            "--retries does not fit; repeatable",
            "KIND=TRIES[,SECONDS]",
            example=["timeout=5,2", "status:503=0"],
        ),
    ] = ()

    strip_param: Annotated[
        tuple[str, ...],
        option(
            "fetching",
            "leave this parameter out of every query, or all that begin so; repeatable",
            "NAME[*]",
            example=["sessionid", "utm_*"],
        ),
    ] = ()

    @property
    def slots(self) -> int:
        """Requests in flight at the same time: ``concurrency``, or its default."""
        return self.concurrency or (1 if self.engine == "sequential" else CONCURRENCY)
