"""The chess simultaneous: what a run would take one after the other, overlapped, and parallel.

One player at many boards: who goes on to the next board while the opponents think is done after
``max(own thinking, (own thinking + theirs) / boards)``, whichever binds. The crawler is the player,
the web its opponents, the fetch slots are the boards; parsing can be left to helpers.
"""

import msgspec


class Work(msgspec.Struct, frozen=True):
    """What there is to do, in seconds: waiting for the network, computing to fetch, to parse."""

    wait_s: float
    fetch_s: float
    parse_s: float
    longest_s: float = 0.0
    """The longest single wait: no order of the others makes that shorter."""


class Simultaneous(msgspec.Struct, frozen=True):
    """Seconds: lower bounds, for slots that are never empty and hosts that are never held back.

    ``one_by_one_s``: wait, fetch and parse, URL after URL. ``overlapped_s``: one thread, waits side
    by side. ``parallel_s``: besides, pages are parsed by ``workers`` processes on ``cores``.
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
    parallel = max(
        work.fetch_s,
        work.parse_s / workers if workers else computing,
        computing / cores if workers else computing,
        (work.wait_s + work.fetch_s) / slots,
        work.longest_s,
    )
    return Simultaneous(work.wait_s + computing, overlapped, parallel, workers, cores)
