"""``--engine auto`` beside the engine that is best by hand."""

from collections.abc import Callable

from benchmarks.runs import Bench, Case, Goal, Measured, alternate

BY_HAND = ("curl", "aiohttp", "tornado", "threads", "gevent")
PAIRS = 7
"""At least: a tenth is what runs of a few seconds differ by themselves."""


def auto_beside_the_best(bench: Bench, wall: Callable[[str], float]) -> Case:
    """``wall`` takes the name of an engine and gives the seconds that the scenario takes with it.

    Which one is best is found out first, by a run of each; the pairs are measured after that.
    """

    def measure() -> Measured:
        best = min(BY_HAND, key=wall)
        times = bench.repeat if bench.quick else max(bench.repeat, PAIRS)
        pairs = alternate(lambda: wall("auto"), lambda: wall(best), times)
        return Measured(pairs, f"the best by hand was {best}")

    return Case("auto", "s", Goal("ratio", most=1.1), measure, "start to exit")
