"""Silent sites are waited for over several sessions that end in order as in one."""

import msgspec
import pytest

from crawler.frontier.entry import Entry
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_memory import HostMemory
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.learned import Learned, RetryRecord, Silence
from crawler.frontier.patience import Patience
from crawler.frontier.robots import from_answer
from crawler.frontier.schedule import Wait
from crawler.frontier.ticket import EntryTicket, ProbeTicket, RequestEnd, RobotsTicket
from crawler.model.errors import FailureKind, FetchError
from crawler.model.events import GaveUp, NetworkAway

pytestmark = pytest.mark.promise("P74", "P45")

A, B = "http://a.example", "http://b.example"
REFUSED = FetchError(FailureKind.CONNECT, "refused", answered=False)


def ticket(site: str, number: int = 1) -> EntryTicket:
    url = f"{site}/{number}"
    return EntryTicket(url, site[7:], 0.0, entry=Entry(number, url, site[7:], 0, url))


class Sessions:
    """Patience that is taken over by the next session again and again; ``now`` is the time in all
    of them together.
    """

    def __init__(self, length: float, *, has_history: bool = False) -> None:
        self.now = 0.0
        self.silence: Silence | None = None
        self._length = self._left = length
        self._began = 0.0
        self._has_history = has_history
        self.patience = self._patience()

    def until(self, at: float) -> float:
        """Go on to the time ``at``, through as many sessions as that takes; return its clock."""
        while at - self.now > self._left:
            self.now, self._left = self.now + self._left, 0.0
            silence = self.patience.silence(self.clock)
            stored = msgspec.json.decode(msgspec.json.encode(silence), type=Silence)
            self._began = 7.0 * self.now  # another machine, another clock
            self.patience = self._patience(stored)
            self._left = self._length
        self._left -= at - self.now
        self.now = at
        return self.clock

    def _patience(self, silence: Silence | None = None) -> Patience:
        return Patience(
            600.0, ["a.example"], has_history=self._has_history, silence=silence, now=self._began
        )

    @property
    def clock(self) -> float:
        return self._began + self._length - self._left


@pytest.mark.parametrize("length", [9_999.0, 60.0, 7.75, 0.5])
def test_a_silent_site_rests_as_long_as_in_one_session(length: float) -> None:
    sessions, times = Sessions(length, has_history=True), []
    sessions.patience.answer(B, f"{B}/", sessions.until(0.125))
    sessions.patience.silent(ticket(A), REFUSED, sessions.until(0.25))
    end: object = None
    while not isinstance(end, GaveUp):
        assert not isinstance(end, NetworkAway), "another site has answered since"
        due = sessions.patience.next_probe
        assert due is not None
        clock = sessions.until(sessions.now + due - sessions.clock)
        if (site := sessions.patience.due(clock)) is not None:
            assert site == A
            times.append(sessions.now - 0.25)
            end = sessions.patience.probed(A, clock)
            if sessions.now < 100.0:  # so that not the network is away
                sessions.patience.answer(B, f"{B}/", clock)
                sessions.patience.judged()
    assert times == [1.0, 3.0, 7.0, 15.0, 31.0, 63.0, *range(123, 600, 60), 600.0]
    assert end.why.message == "refused (nothing came from the host for 600 s)"
    clock = sessions.until(sessions.now + 3 * length)
    assert sessions.patience.keep(ticket(A, 2)), "it stays given up"
    refused = sessions.patience.refused()
    assert refused is not None
    assert str(refused.why) == str(end.why)


def test_a_busy_site_is_given_up_after_all_sessions_together() -> None:
    sessions, ends = Sessions(50.0), []
    for number in range(61):
        clock = sessions.until(10.0 * number)
        ends.append(sessions.patience.status(A, 503, clock))
    assert ends[:-1] == [None] * 60
    assert isinstance(ends[-1], GaveUp)
    sessions.until(1000.0)
    assert sessions.patience.silence(0.0).given_up[A].status == 503


def test_the_network_is_away_for_all_sessions_together() -> None:
    sessions = Sessions(100.0)
    for site in (A, B):
        sessions.patience.silent(ticket(site), REFUSED, sessions.until(0.0))
    end: object = None
    while not isinstance(end, NetworkAway):
        due = sessions.patience.next_probe
        assert due is not None
        clock = sessions.until(sessions.now + max(0.0, due - sessions.clock))
        site = sessions.patience.due(clock)
        end = sessions.patience.probed(site, clock) if site else None
        assert not isinstance(end, GaveUp)
    assert sessions.now == pytest.approx(6000.0)


def test_requests_of_a_silent_site_keep_their_attempts() -> None:
    found = Frontier(lambda _: HostPolicy(0, 0.0), robots=False, patience=Patience(600.0))
    for number in range(3):
        assert found.window.place("a.example")
        found.entered([0])
        found.add([ticket(A, number).entry], 0.0)
    sent = [found.next(0.0), found.next(0.0)]
    for each in sent:
        assert isinstance(each, EntryTicket)
        found.release(each, 0.0)
        found.unanswered(each, REFUSED, 0.0)
    assert isinstance(found.next(0.5), Wait)
    learned = found.learned(0.5, 1000.5, is_last=True)
    assert learned.retries == [RetryRecord(n, 1, 0, 1000.0, is_sent=True) for n in (0, 1)]
    assert learned.silence is not None
    memory = HostMemory(learned, 1000.5, 1000.5, 90.0, is_exact=True)
    patience = Patience(600.0, silence=learned.silence, now=90.0)
    again = Frontier(lambda _: HostPolicy(0, 0.0), robots=False, patience=patience, memory=memory)
    assert again.window.place("a.example")
    again.entered([0])
    again.add([ticket(A, 1).entry], 90.0)
    assert again.next(90.0) == Wait(90.5, held=True, silent=True)
    probe = again.next(90.5)
    assert isinstance(probe, EntryTicket)
    assert (probe.is_probe, probe.unanswered) == (True, 1)


TIMEOUT = FetchError(FailureKind.TIMEOUT, "no complete response", answered=False)


def test_attempts_of_an_earlier_session_count_once_their_site_answers() -> None:
    """Else a page that never answers would be asked for ever by sessions that end before."""
    learned, now = Learned(), 0.0
    for session in range(3):
        memory = HostMemory(learned, 1000.0 + now, 1000.0 + now, now, is_exact=True)
        patience = Patience(600.0, ["a.example"], silence=learned.silence, now=now)
        found = Frontier(
            lambda _: HostPolicy(0, 0.0), robots=True, patience=patience, memory=memory
        )
        assert found.window.place("a.example")
        found.entered([0])
        found.add([ticket(A).entry], now)
        _answer_robots(found, now := now + 2.0)
        judged = found.judged()
        assert len(judged) == (session > 0)
        for each, _ in judged:
            assert (each.attempt, each.unanswered) == (session, 0)
            found.retry(each, now)
        sent = found.next(now)
        assert isinstance(sent, EntryTicket)
        assert (sent.attempt, sent.unanswered) == (session + 1, 0)
        found.release(sent, now)
        found.unanswered(sent, TIMEOUT, now)
        learned = found.learned(now, 1000.0 + now, is_last=True)


def _answer_robots(found: Frontier, now: float) -> None:
    """As what the first request asks for, or as a probe."""
    request = found.next(now)
    assert isinstance(request, RobotsTicket | ProbeTicket)
    found.release(request, now, RequestEnd(status=404, answered=True))
    if isinstance(request, RobotsTicket):
        found.set_rules(A, from_answer(404, b"", "crawler"), now)


def test_an_attempt_that_cannot_be_judged_does_not_count() -> None:
    """After a kill nothing is known about silent sites."""
    record = RetryRecord(1, 2, 0, 1000.0, is_sent=True)
    memory = HostMemory(Learned(retries=[record]), 1000.0, 1000.0, 0.0, is_exact=True)
    found = Frontier(lambda _: HostPolicy(0, 0.0), robots=False, memory=memory)
    assert found.window.place("a.example")
    found.entered([0])
    found.add([ticket(A).entry], 0.0)
    sent = found.next(0.0)
    assert isinstance(sent, EntryTicket)
    assert (sent.attempt, sent.unanswered) == (2, 1)
