"""How long a silent host is waited for, and what counts meanwhile."""

from itertools import pairwise

import msgspec
import pytest

from crawler.frontier import patience as module
from crawler.frontier.entry import Entry
from crawler.frontier.patience import LONGEST_PAUSE, Patience
from crawler.frontier.ticket import EntryTicket, ProbeTicket, RobotsTicket
from crawler.model.errors import FailureKind, FetchError
from crawler.model.events import GaveUp, NetworkAway, Rested

pytestmark = pytest.mark.promise("P45")
A, B = "http://a.example", "http://b.example"
REFUSED = FetchError(FailureKind.CONNECT, "refused")


def ticket(site: str = A) -> EntryTicket:
    url = f"{site}/"
    return EntryTicket(url, site[7:], 0.0, entry=Entry(1, url, site[7:], 0, url))


def silent(found: Patience, site: str = A, now: float = 0.0) -> None:
    found.silent(ticket(site), REFUSED, now)


def probes(found: Patience, site: str, now: float) -> tuple[list[float], object]:
    """Probe ``site`` without an answer until it ends; return when, and the end."""
    times = []
    while True:
        at = found.next_probe
        assert at is not None
        assert found.due(at - 0.001) is None
        assert found.due(at) == site
        times.append(at - now)
        end = found.probed(site, at)
        if isinstance(end, GaveUp | NetworkAway):
            return times, end


def test_the_pauses_grow_to_a_minute() -> None:
    found = Patience(600.0, ["a.example"])
    silent(found, now=100.0)
    times, end = probes(found, A, 100.0)
    assert times == [1.0, 3.0, 7.0, 15.0, 31.0, 63.0, *range(123, 600, 60), 600.0]
    assert isinstance(end, GaveUp)
    assert (end.seconds, end.why.kind) == (600.0, FailureKind.CONNECT)
    assert max(after - before for before, after in pairwise(times)) == LONGEST_PAUSE


def test_a_host_that_never_answered_is_given_up_after_a_tenth() -> None:
    found = Patience(600.0)
    silent(found)
    assert found.keep(ticket())
    times, end = probes(found, A, 0.0)
    assert times[-1] == 60.0
    assert isinstance(end, GaveUp)
    assert end.why.message == "refused (nothing came from the host for 60 s)"
    assert found.keep(ticket())
    refused = [found.refused(), found.refused(), found.refused()]
    assert [each and each.why for each in refused] == [end.why] * 3
    assert found.refused() is None


def test_a_request_that_ends_after_its_site_was_given_up_fails() -> None:
    found = Patience(600.0)
    silent(found)
    probes(found, A, 0.0)
    assert found.refused() is not None
    silent(found, now=70.0)
    refused = found.refused()
    assert refused is not None
    assert (refused.ticket.sent, found.resting) == (1, {})


def test_probes_without_an_answer_are_reported() -> None:
    found = Patience(600.0)
    silent(found)
    assert found.due(1.0) == A
    assert found.due(9.0) is None
    notice = found.probed(A, 1.5)
    assert isinstance(notice, Rested)
    facts = notice.host, notice.seconds, notice.wait, notice.probes
    assert facts == ("a.example", 1.5, 2.0, 1)


def test_an_answer_ends_the_rest() -> None:
    found = Patience(600.0)
    silent(found)
    assert found.keep(ticket())
    assert found.due(1.0) == A
    rest = found.answer(A, f"{A}/robots.txt", 1.1)
    assert rest is not None
    assert [each.url for each in rest.waiting] == [f"{A}/"]
    assert [each.url for each, _ in found.judged()] == [f"{A}/"]
    assert found.judged() == []
    assert (found.resting, found.probed(A, 1.1), found.due(9.0)) == ({}, None, None)
    assert not found.keep(ticket())
    assert found.answered_since(A, 1.0)
    assert not found.answered_since(A, 1.1)
    assert found.answered_url(A) == f"{A}/robots.txt"


def test_what_was_not_answered_does_not_count() -> None:
    found = Patience(600.0)
    silent(found)
    assert found.due(1.0) == A
    found.probed(A, 1.0)
    (uncounted,) = found.resting[A].waiting
    assert (uncounted.attempt, uncounted.unanswered, uncounted.sent) == (1, 1, 1)
    assert found.resting[A].awaiting == []


def test_only_requests_for_entries_and_documents_are_sent_again() -> None:
    found = Patience(600.0)
    silent(found)
    url = f"{A}/robots.txt"
    found.silent(ProbeTicket(url, "a.example", 0.0), REFUSED, 1.0)
    found.silent(RobotsTicket(url, "a.example", 0.0, site=A), REFUSED, 1.0)
    assert len(found.resting[A].awaiting) == 1


def test_a_probe_is_not_kept() -> None:
    found = Patience(600.0)
    silent(found)
    assert not found.keep(msgspec.structs.replace(ticket(), is_probe=True))
    assert not found.keep(ticket(B))


def test_schemes_and_ports_rest_for_themselves() -> None:
    found = Patience(600.0)
    silent(found)
    assert not found.keep(ticket(f"{A}:81"))


def test_hosts_without_any_answer_are_a_network_that_is_away() -> None:
    found = Patience(60.0)
    silent(found, A, 5.0)
    silent(found, B, 7.0)
    now, end = 0.0, None
    while end is None or isinstance(end, Rested):
        now = found.next_probe or 0.0
        site = found.due(now)
        assert site is not None
        end = found.probed(site, now)
    assert isinstance(end, NetworkAway)
    assert (now, end.seconds) == (605.0, 600.0)
    assert found.refused() is None
    assert end.says.startswith("the network is away: no host has answered for 600 s (")


def test_one_host_alone_is_not_the_network() -> None:
    found = Patience(60.0, ["a.example"])
    silent(found)
    assert isinstance(probes(found, A, 0.0)[1], GaveUp)


def test_one_host_alone_is_the_network_if_an_earlier_session_had_answers() -> None:
    found = Patience(60.0, ["b.example"], has_history=True)
    silent(found)
    times, end = probes(found, A, 0.0)
    assert isinstance(end, NetworkAway)
    assert times[-1] == 600.0


def test_while_another_host_answers_it_is_not_the_network() -> None:
    found = Patience(60.0, ["a.example", "b.example"], has_history=True)
    silent(found)
    found.answer(B, f"{B}/", 0.5)
    times, end = probes(found, A, 0.0)
    assert isinstance(end, GaveUp)
    assert times[-1] == 60.0


def test_a_host_that_is_only_busy_is_given_up() -> None:
    found = Patience(60.0)
    assert found.status(A, 503, 0.0) is None
    assert found.status(A, 429, 59.9) is None
    end = found.status(A, 503, 60.0)
    assert end is not None
    assert found.keep(ticket())
    assert (end.status, end.why.kind) == (503, FailureKind.STATUS)


def test_a_busy_host_that_answers_something_else_is_not_given_up() -> None:
    found = Patience(60.0)
    found.status(A, 503, 0.0)
    found.status(A, 404, 30.0)
    assert found.status(A, 503, 61.0) is None
    assert found.status(A, 503, 120.0) is None


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEPT", "GIVEN_UP_KEPT", "BUSY_KEPT"):
        monkeypatch.setattr(module, name, 3)
    found = Patience(0.0)
    for number in range(9):
        site = f"http://{number}.example"
        found.answer(site, "", float(number))
        found.status(site, 503, float(number))
    known = [found.has_answered(f"http://{number}.example") for number in (5, 6, 8)]
    assert known == [False, True, True]
    assert [found.keep(ticket(f"http://{number}.example")) for number in (5, 6, 8)] == known
    patient = Patience(99.0)
    for number in range(9):
        patient.status(f"http://{number}.example", 503, 0.0)
    assert len(patient._busy) == 3


def test_a_probe_into_an_outage_ends_nothing_when_the_network_is_back() -> None:
    found = Patience(100.0, ["a.example", "b.example"])
    silent(found, A, 0.0)
    silent(found, B, 0.0)
    while (at := found.next_probe or 0.0) < 150:
        site = found.due(at)
        assert site is not None
        found.probed(site, at)
    site = found.due(at)
    found.answer(B if site == A else A, "", at + 1)
    assert site is not None
    assert isinstance(found.probed(site, at + 2), Rested)
    assert found.due(at + 3) == site
    assert isinstance(found.probed(site, at + 4), GaveUp)


def test_a_request_without_an_answer_that_becomes_the_probe_was_sent() -> None:
    found = Patience(100.0)
    silent(found)
    probe = found.resting[A].take()
    assert probe is not None
    assert probe.sent == 1
