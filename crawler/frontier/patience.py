"""Decides how long a host from which nothing comes is waited for. Pure: ``now`` is passed in.

A site (an origin) is *silent* from the first request that ends without an answer, although nothing
else of the site has been answered since that request began. It then rests: its requests wait, and
one probe is sent after a pause. If the probe is answered, the site is back, and the requests that
were not answered have failed by themselves: their attempts count. If the probe is not answered
either, they do not count, and the pause doubles. After some time the site is given up.

While no host at all answers, the network may be away: then no host is given up for a longer time.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from crawler.frontier.learned import GivenUpRecord, RestRecord, Silence
from crawler.frontier.pace import SLOW_DOWN
from crawler.frontier.ticket import Disallowed, DocumentTicket, EntryTicket, Ticket
from crawler.model.errors import FailureKind, FetchError
from crawler.model.events import GaveUp, NetworkAway, Rested
from crawler.model.urls import authority, host_name, origin

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
"""Seconds before the first probe of a host at rest, and the maximum; each pause is doubled."""
NEVER_ANSWERED = 0.1
"""Part of the patience for a host that has never answered in the run."""
NETWORK_AWAY = 10.0
"""Multiple of the patience while no host answers."""
KEPT = 100_000
"""Hosts of which it is remembered that they have answered; those that answered last."""
GIVEN_UP_KEPT = 100_000
"""Hosts of which it is remembered that they were given up; the last ones."""
BUSY_KEPT = 10_000
"""Hosts that have answered only 429 and 503 of late."""
NEXT_SESSION = 10_000
"""Sites at rest, and sites that were given up, of which the next session knows."""

_NEVER = float("-inf"), ""


def _uncounted(ticket: Ticket) -> Ticket:
    """``ticket`` was sent, and the attempt does not count."""
    return msgspec.structs.replace(ticket, unanswered=ticket.unanswered + 1)


class Rest:
    """A site at rest. ``since`` is in monotonic seconds; ``url`` had no answer.

    ``awaiting`` are requests without an answer whose attempts may count, ``waiting`` are those that
    were not sent. ``probes`` were not answered either.
    """

    __slots__ = (
        "awaiting",
        "error",
        "is_probed",
        "pause",
        "probe_at",
        "probes",
        "since",
        "url",
        "waiting",
    )

    def __init__(self, url: str, since: float, error: FetchError) -> None:
        self.url = url
        self.since = since
        self.error = error
        self.pause = FIRST_PAUSE
        self.probe_at = since + FIRST_PAUSE
        self.awaiting: list[tuple[Ticket, FetchError]] = []
        self.waiting: list[Ticket] = []
        self.probes = 0
        self.is_probed = False

    def take(self) -> Ticket | None:
        """Take any request, to send it as a probe."""
        if self.waiting:
            return self.waiting.pop(0)
        if not self.awaiting:
            return None
        return _uncounted(self.awaiting.pop(0)[0])

    def uncount(self) -> None:
        """The requests without an answer do not count, because the site itself is silent."""
        self.waiting += [_uncounted(ticket) for ticket, _ in self.awaiting]
        self.awaiting = []


class Patience:
    """The silent sites of a run, and those that have answered. A site is an origin."""

    def __init__(
        self,
        seconds: float,
        answered: Iterable[str] = (),
        *,
        has_history: bool = False,
        silence: Silence | None = None,
        now: float = 0.0,
    ) -> None:
        """A host that has answered is given up after ``seconds``.

        ``answered`` are the host names that answered in earlier sessions; with ``has_history``
        there was an answer in some earlier session. ``silence`` is that of the session before.
        """
        self._seconds = seconds
        self._has_history = has_history
        self._earlier = frozenset(answered)
        self._answered: dict[str, tuple[float, str]] = {}
        self._last_answer = float("-inf")
        self._silence: float | None = None
        self._silent = 0
        self._returned = float("-inf")
        """When the network was last back, after it was perhaps away."""
        self._busy: dict[str, float] = {}
        self._probes: list[tuple[float, int, str]] = []
        self._numbers = itertools.count()
        self._given_up: dict[str, GaveUp] = {}
        self._refused: deque[Disallowed] = deque()
        self._judged: list[tuple[Ticket, FetchError]] = []
        self.resting: dict[str, Rest] = {}
        if silence is not None:
            self._restore(silence, now)

    def _restore(self, silence: Silence, now: float) -> None:
        """Continue as if no time had passed since the session before."""
        if silence.answered is not None:
            self._last_answer = now - silence.answered
        if silence.silent_for is not None:
            self._silence = now - silence.silent_for
        self._silent = silence.silent
        self._busy = {site: now - seconds for site, seconds in silence.busy.items()}
        for site, given in silence.given_up.items():
            why = FetchError(given.kind, given.message, answered=False)
            self._give_up(site, given.seconds, why, given.status)
        for site, record in silence.resting.items():
            error = FetchError(record.kind, record.message, answered=False)
            self.resting[site] = rest = Rest(record.url, now - record.rested, error)
            rest.pause, rest.probes = record.pause, record.probes
            self._plan(site, rest, now + record.wait)

    def silence(self, now: float) -> Silence:
        """Return what the next session must know about silent sites, of as many as it may be."""
        some = itertools.islice
        return Silence(
            None if self._last_answer == _NEVER[0] else now - self._last_answer,
            None if self._silence is None else now - self._silence,
            self._silent,
            {
                site: RestRecord(
                    rest.url,
                    now - rest.since,
                    max(0.0, rest.probe_at - now),
                    rest.pause,
                    rest.probes,
                    rest.error.kind,
                    rest.error.message,
                )
                for site, rest in some(self.resting.items(), NEXT_SESSION)
            },
            {
                site: GivenUpRecord(end.seconds, end.why.kind, end.why.message, end.status)
                for site, end in some(self._given_up.items(), NEXT_SESSION)
            },
            {site: now - since for site, since in self._busy.items()},
        )

    def unsent(self) -> Iterator[Ticket]:
        """Yield the requests that wait for the end of a rest."""
        for rest in self.resting.values():
            yield from rest.waiting

    def unjudged(self) -> Iterator[Ticket]:
        """Yield the requests without an answer of which it is not known yet whether they count."""
        for rest in self.resting.values():
            yield from (ticket for ticket, _ in rest.awaiting)

    def await_judgement(self, ticket: Ticket) -> Ticket | None:
        """The session before has sent ``ticket`` without an answer.

        Return the one to send if it cannot be judged, because its site does not rest any more.
        """
        rest = self.resting.get(origin(ticket.url))
        if rest is None:
            return _uncounted(ticket)
        rest.awaiting.append((ticket, rest.error))
        return None

    @property
    def is_tried(self) -> bool:
        """Whether any site rests or was given up."""
        return bool(self.resting or self._given_up)

    def has_answered(self, site: str) -> bool:
        return site in self._answered or host_name(site) in self._earlier

    def answered_since(self, site: str, since: float) -> bool:
        """Whether any request to ``site`` was answered after ``since``."""
        return self._answered.get(site, _NEVER)[0] > since

    def answered_url(self, site: str) -> str:
        """Return the URL of ``site`` that was answered last, or an empty string."""
        return self._answered.get(site, _NEVER)[1]

    def answer(self, site: str, url: str, now: float) -> Rest | None:
        """``site`` has answered the request of ``url``. Return its rest if this ends it."""
        if self._silent > 1 or (self._silent and self._has_history):
            self._returned = now
        self._last_answer, self._silence, self._silent = now, None, 0
        answered = self._answered
        answered.pop(site, None)  # so that those that answered first come first
        answered[site] = now, url
        if len(answered) > KEPT:
            del answered[next(iter(answered))]
        rest = self.resting.pop(site, None) if self.resting else None
        if rest is not None:
            self._judged += rest.awaiting
        return rest

    def judged(self) -> list[tuple[Ticket, FetchError]]:
        """Take the requests without an answer whose attempts count: their sites answer others."""
        if not self._judged:
            return self._judged
        judged, self._judged = self._judged, []
        return judged

    def keep(self, ticket: Ticket) -> bool:
        """Whether ``ticket`` cannot be sent, as its site rests or was given up; then keep it."""
        site = origin(ticket.url)
        if ticket.is_probe:
            return False
        if site in self.resting:
            self.resting[site].waiting.append(ticket)
        elif site in self._given_up:
            self._refuse(ticket, self._given_up[site])
        else:
            return False
        return True

    def _refuse(self, ticket: Ticket, gave_up: GaveUp) -> None:
        self._refused.append(Disallowed(ticket, gave_up.why, gave_up.status))

    def refused(self) -> Disallowed | None:
        """Take a request whose site was given up."""
        return self._refused.popleft() if self._refused else None

    def status(self, site: str, status: int | None, now: float) -> GaveUp | None:
        """``site`` has answered with ``status``. Return its end if it was busy for too long."""
        if status not in SLOW_DOWN:
            if self._busy:
                self._busy.pop(site, None)
            return None
        since = self._busy.setdefault(site, now)
        if len(self._busy) > BUSY_KEPT:
            del self._busy[next(iter(self._busy))]
        if now - since < self._seconds:
            return None
        del self._busy[site]
        message = f"the server answered {status}, as to every request for {now - since:.0f} s"
        return self._give_up(site, now - since, FetchError(FailureKind.STATUS, message), status)

    def _give_up(
        self, site: str, seconds: float, why: FetchError, status: int | None = None
    ) -> GaveUp:
        self._given_up[site] = found = GaveUp(authority(site), seconds, why, status)
        if len(self._given_up) > GIVEN_UP_KEPT:
            del self._given_up[next(iter(self._given_up))]
        return found

    def silent(self, ticket: Ticket, error: FetchError, now: float) -> None:
        """The request of ``ticket`` was not answered. Its site rests."""
        # Without its traceback, which would keep the frames of the request in memory.
        error = FetchError(error.kind, error.message, answered=False)
        site = origin(ticket.url)
        if site in self._given_up:  # it was in flight longer than its site was waited for
            self._refuse(_uncounted(ticket), self._given_up[site])
            return
        rest = self.resting.get(site)
        if rest is None:
            rest = self.resting[site] = Rest(ticket.url, now, error)
            self._silence = now if self._silence is None else self._silence
            self._silent += 1
            self._plan(site, rest, now + rest.pause)
        rest.error = error
        if isinstance(ticket, EntryTicket | DocumentTicket):
            rest.awaiting.append((msgspec.structs.replace(ticket, is_probe=False), error))

    def probed(self, site: str, now: float) -> Rested | GaveUp | NetworkAway | None:
        """The probe of ``site`` has ended. If it rests still, the pause grows, or the rest ends."""
        rest = self.resting.get(site)
        if rest is None:
            return None
        rest.is_probed = False
        rest.probes += 1
        rest.uncount()
        end = self._end(site, rest)
        # A probe of the time when the network was away says nothing about its site.
        if now >= end and rest.probe_at >= self._returned:
            return self._end_of(site, rest, now)
        rest.pause = min(LONGEST_PAUSE, 2 * rest.pause)
        self._plan(site, rest, max(now + FIRST_PAUSE, min(now + rest.pause, end)))
        host, wait = authority(site), rest.probe_at - now
        return Rested(host, now - rest.since, wait, rest.error, rest.probes)

    def _end_of(self, site: str, rest: Rest, now: float) -> GaveUp | NetworkAway:
        if self._is_away(rest):
            return NetworkAway(authority(site), now - (self._silence or rest.since), rest.error)
        del self.resting[site]
        seconds, error = now - rest.since, rest.error
        message = f"{error.message} (nothing came from the host for {seconds:.0f} s)"
        found = self._give_up(site, seconds, FetchError(error.kind, message, answered=False))
        for ticket in rest.waiting:
            self._refuse(ticket, found)
        return found

    def _plan(self, site: str, rest: Rest, at: float) -> None:
        rest.probe_at = at
        heapq.heappush(self._probes, (at, next(self._numbers), site))

    def _is_away(self, rest: Rest) -> bool:
        """No host has answered since this one became silent, and others should have."""
        return rest.since >= self._last_answer and (self._has_history or self._silent > 1)

    def _end(self, site: str, rest: Rest) -> float:
        """Return when ``site``, or the network, is given up."""
        if self._is_away(rest):
            return (self._silence or rest.since) + NETWORK_AWAY * self._seconds
        part = 1.0 if self.has_answered(site) else NEVER_ANSWERED
        return rest.since + part * self._seconds

    @property
    def next_probe(self) -> float | None:
        """When the next probe is due, if it is still necessary."""
        return self._probes[0][0] if self._probes else None

    def due(self, now: float) -> str | None:
        """Return a site that must be probed now, or None. Call ``probed`` when its probe ends."""
        while self._probes and self._probes[0][0] <= now:
            at, _, site = heapq.heappop(self._probes)
            rest = self.resting.get(site)
            if rest is not None and rest.probe_at == at and not rest.is_probed:
                rest.is_probed = True
                return site
        return None
