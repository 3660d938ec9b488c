"""``--engine auto`` beside the engine that is best by hand."""

from collections.abc import Callable

from benchmarks.runs import Bench, Case, Goal, Measured, alternate

BY_HAND = ("curl", "aiohttp", "tornado", "threads")


def auto_beside_the_best(bench: Bench, wall: Callable[[str], float]) -> Case:
    """``wall`` takes the name of an engine and gives the seconds that the scenario takes with it.

    Which one is best is found out first, by a run of each; the pairs are measured after that.
    """

    def measure() -> Measured:
        best = min(BY_HAND, key=wall)
        pairs = alternate(lambda: wall("auto"), lambda: wall(best), bench.repeat)
        return Measured(pairs, f"the best by hand was {best}")

    return Case("auto", "s", Goal("ratio", most=1.1), measure, "start to exit")
