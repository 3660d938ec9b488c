"""Options under the heading "distribution": a crawl in shards, on an engine such as Dask."""

from typing import Annotated

from crawler.settings.objects import EXECUTOR
from crawler.settings.option import option
from crawler.settings.run import RunFields
from crawler.settings.types import ParseChoice, ShardCount, SliceSeconds, SlotCount

SLICE_S = 60.0
SHARDS_PER_SLOT = 4


class DistributionFields(RunFields, frozen=True, kw_only=True):
    on: Annotated[
        ParseChoice | None,
        option(
            "distribution",
            "crawl in shards on these workers: local[:N], dask[://HOST:PORT], ray[://HOST:PORT] or "
            "celery+redis://HOST; all of them must see the run directory",
            "WHERE",
            example="local",
            objects=EXECUTOR,
        ),
    ] = None

    slots: Annotated[
        SlotCount | None,
        option(
            "distribution",
            "number of shards that are crawled at the same time (default: as many as --on has room "
            "for)",
            "N",
            example=2,
        ),
    ] = None

    shards: Annotated[
        ShardCount | None,
        option(
            "distribution",
            f"number of shards, which cannot change later (default: {SHARDS_PER_SLOT} for each "
            "slot)",
            "N",
            example=8,
        ),
    ] = None

    slice: Annotated[
        SliceSeconds,
        option(
            "distribution",
            "time for which a worker crawls one shard before another one has its turn",
            "S",
        ),
    ] = SLICE_S
