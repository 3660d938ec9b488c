"""Whether all engines that can keep connections did so: else handshakes are what is compared. Pure.

An engine may open a connection for each request that it has in flight to a host at once, and one
for each that failed, which ends its connection. It did not need more than that, however busy its
thread was: both ends of a fetch are by its own clock. How many it opened is what the server
counted, or without a replay its own report.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from crawler.compare.results import FetchLine
from crawler.localweb.request_log import Account
from crawler.metrics.contestants import Contestant, Naming
from crawler.metrics.report import Report
from crawler.model.urls import origin

_LATE = 1.25
"""A library may free a connection a little after the response (seen with tornado: 76 for 64)."""
_UNEQUAL = 0.05
"""By this part of the requests, an engine may open more connections without need than another one.

A TLS handshake takes about as much CPU as four requests.
"""


class Reuse(msgspec.Struct, frozen=True):
    """The ``requests`` of one run, the connections ``opened`` for them, and how many it ``needed``.

    There is at least one request.
    """

    requests: int
    opened: int
    needed: int

    @property
    def wasted(self) -> float:
        """The connections that were not needed, per request; a few too many do not count."""
        return max(0.0, self.opened - self.needed * _LATE - 1) / self.requests


OfRuns = Mapping[Contestant, Sequence[Reuse]]
"""By contestant, one for each run."""


def reuse_of(report: Report, fetches: Sequence[FetchLine], account: Account | None) -> Reuse | None:
    """The connections of a run; ``account`` is what the replay server counted of it, if any.

    None if it had no response, or so many that ``fetches`` are only a sample of them.
    """
    used = report.connections
    if not used.used or len(fetches) < used.used:
        return None
    if account is None:
        return Reuse(used.used, used.opened, needed(fetches))
    return Reuse(account.requests, account.connections, needed(fetches))


def needed(fetches: Iterable[FetchLine]) -> int:
    """How many connections ``fetches`` need if each is kept and used again.

    These are, for each origin, the most that were in flight at once, and those that failed.
    """
    by_origin: defaultdict[str, list[FetchLine]] = defaultdict(list)
    for each in fetches:
        by_origin[origin(each.url)].append(each)
    return sum(_most_at_once(each) + _failed(each) for each in by_origin.values())


def _most_at_once(fetches: Sequence[FetchLine]) -> int:
    starts = sorted(each.t for each in fetches)
    ends = sorted(each.t + each.dns + each.total for each in fetches)
    return max(number - bisect_left(ends, start) for number, start in enumerate(starts, 1))


def _failed(fetches: Iterable[FetchLine]) -> int:
    return sum(each.error is not None for each in fetches)


def unequal_reuse(reuse: OfRuns, keeping: Collection[str]) -> Iterator[str]:
    """Sentences about engines that opened connections without need where another one did not.

    Of each contestant the run in the middle counts, so that one run cannot withhold a verdict.
    Only the engines ``keeping`` connections are judged, each beside others at its concurrency.
    """
    typical = {each: _middle(runs) for each, runs in reuse.items() if each.engine in keeping}
    naming = Naming(reuse)
    for each, made in typical.items():
        best = min(
            (other for other in typical if other.concurrency == each.concurrency),
            key=lambda other: typical[other].wasted,
        )
        if made.wasted > typical[best].wasted + _UNEQUAL:
            yield (
                f"{naming.name(each)} opened {made.opened:,} connections for {made.requests:,} "
                f"requests, although {made.needed:,} were enough for those in flight at once; "
                f"{naming.name(best)} opened {typical[best].opened:,}"
            )


def _middle(runs: Sequence[Reuse]) -> Reuse:
    return sorted(runs, key=lambda run: run.wasted)[len(runs) // 2]
