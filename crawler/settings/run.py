"""Options under the heading ``run``."""

from typing import Annotated

from crawler.settings.defaults import RUNS
from crawler.settings.operation import OperationFields
from crawler.settings.option import option
from crawler.settings.types import Natural, Path, SampleSize


class RunFields(OperationFields, frozen=True, kw_only=True):
    run: Annotated[
        Path | None,
        option(
            "run",
            f"directory of this run, which must not exist yet (default: {RUNS}/<time>)",
            "DIR",
            example="runs/first",
        ),
    ] = None

    baseline: Annotated[
        SampleSize | None,
        option(
            "run",
            "fetch this many URLs one by one as well, to measure what concurrency was worth",
            "N",
            example=50,
        ),
    ] = None

    resume: Annotated[
        bool, option("run", "go on with the run in --run, as it was asked for when it began")
    ] = False

    seed: Annotated[
        Natural | None,
        option(
            "run",
            "makes a run repeatable: what is drawn at random, and by going from depth to depth "
            "also which depth a page has",
            "N",
            example=1,
        ),
    ] = None

    strict: Annotated[bool, option("run", "exit with 3 if any URL failed")] = False
