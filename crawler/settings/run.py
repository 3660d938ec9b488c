"""Options under the heading "run": the run directory, resuming, repeating, measuring."""

from typing import Annotated

from crawler.model.errors import WITHOUT_PAGE
from crawler.settings.defaults import RUNS
from crawler.settings.operation import OperationFields
from crawler.settings.option import option
from crawler.settings.types import Natural, Path, SampleSize

EVERY_END = "all"
"""The value of ``--again`` that means every kind and reason."""


class RunFields(OperationFields, frozen=True, kw_only=True):
    run: Annotated[
        Path | None,
        option(
            "run",
            f"run directory, which must not exist yet for a new run (default: {RUNS}/<time>)",
            "DIR",
            example="runs/first",
        ),
    ] = None

    baseline: Annotated[
        SampleSize | None,
        option(
            "run",
            "after the crawl, fetch a random sample of this number of URLs one by one, to measure "
            "the speed-up of concurrency",
            "N",
            example=50,
        ),
    ] = None

    resume: Annotated[
        bool, option("run", "resume the run in the --run directory with its original settings")
    ] = False

    again: Annotated[
        tuple[str, ...],
        option(
            "run",
            "with --resume, fetch again what failed with this kind or was skipped for this reason; "
            "its records are removed; repeatable",
            "KIND",
            example=["timeout", "robots"],
            choices=(EVERY_END, *WITHOUT_PAGE),
        ),
    ] = ()

    seed: Annotated[
        Natural | None,
        option(
            "run",
            "seed of all random choices, which makes a run repeatable; with --follow, pages are "
            "then fetched depth by depth, so that their depths are repeatable, too",
            "N",
            example=1,
        ),
    ] = None

    strict: Annotated[bool, option("run", "exit with code 3 if any URL failed")] = False

    @property
    def ends_again(self) -> frozenset[str]:
        """The kinds of failure and reasons of skipping that ``again`` means."""
        return frozenset(WITHOUT_PAGE if EVERY_END in self.again else self.again)
