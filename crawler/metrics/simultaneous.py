"""The chess simultaneous: a model of the time of a run one by one, overlapped and in parallel.

One player plays at many boards and moves to the next board while the opponents think. The games
take at least ``max(own thinking, (own thinking + theirs) / boards)``. The crawler is the player,
the web the opponents, the fetch slots the boards; helpers (parse workers) can do the parsing.
"""

import msgspec

from crawler.model.units import count


class Work(msgspec.Struct, frozen=True):
    """The work of a run, in seconds: waiting for the network, CPU for fetching and for parsing."""

    wait_s: float
    fetch_s: float
    parse_s: float
    longest_s: float = 0.0
    """The longest single wait; a run cannot be shorter."""


class Simultaneous(msgspec.Struct, frozen=True):
    """Lower bounds in seconds; they assume that slots are never empty and hosts never delayed.

    ``one_by_one_s``: wait, fetch and parse one URL after the other. ``overlapped_s``: one thread
    with overlapped waits. ``parallel_s``: ``workers`` processes on ``cores`` parse as well.
    """

    one_by_one_s: float
    overlapped_s: float
    parallel_s: float
    workers: int
    cores: int


def simultaneous(work: Work, slots: int, workers: int, cores: int) -> Simultaneous:
    """The three times for ``slots`` fetches at once; without workers the fetch thread parses."""
    computing = work.fetch_s + work.parse_s
    overlapped = max(computing, (work.wait_s + computing) / slots, work.longest_s)
    parallel = max(parallel_bounds(work, slots, workers, cores).values())
    return Simultaneous(work.wait_s + computing, overlapped, parallel, workers, cores)


def parallel_bounds(work: Work, slots: int, workers: int, cores: int) -> dict[str, float]:
    """The lower bounds of ``parallel_s`` in seconds, by what needs that time, in words."""
    computing = work.fetch_s + work.parse_s
    if not workers:
        parsing = {"computing on one thread": computing}
    else:
        parsing = {
            f"parsing with {count(workers, 'worker')}": work.parse_s / workers,
            f"computing on {count(cores, 'core')}": computing / cores,
        }
    return {
        "fetching on one thread": work.fetch_s,
        **parsing,
        f"waiting with {count(slots, 'slot')}": (work.wait_s + work.fetch_s) / slots,
        "the longest wait": work.longest_s,
    }
