"""The rules of robots.txt outlive a session: as a text, for a day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.frontier import robots_memory
from crawler.frontier.entry import Entry
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_memory import HostMemory
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.learned import Learned, RobotsRecord
from crawler.frontier.robots import MAX_TEXT, from_answer, from_text, unreachable
from crawler.frontier.robots_memory import LIFETIME, RobotsMemory
from crawler.frontier.schedule import Wait
from crawler.frontier.ticket import Disallowed, EntryTicket, RobotsTicket
from crawler.model.errors import FailureKind, FetchError

pytestmark = pytest.mark.promise("P74")

SITE = "http://a.example"
UNIX, NOW = 1_000_000.0, 50.0
RECORD = RobotsRecord(SITE, UNIX, 5.0, "User-agent: *\nDisallow: /no\nCrawl-delay: 5")

VALUES = st.text("/ab*$%?é:# \t~2f", max_size=8)
LINES = st.one_of(
    st.builds("{}: {}".format, st.sampled_from(["Allow", "disallow", "Dissallow"]), VALUES),
    st.builds("Crawl-delay: {}".format, st.sampled_from(["1", "0,5", ".25", "x", "0", "99"])),
    st.sampled_from(["User-agent: *", "User-agent: crawler", "User-agent: other", "# no", ""]),
)
PATHS = st.text("/ab*$%?:~2f", max_size=8)


@given(st.lists(LINES, max_size=12), st.lists(PATHS, max_size=9))
def test_a_text_makes_the_same_rules(lines: list[str], paths: list[str]) -> None:
    rules = from_answer(200, "\n".join(["User-agent: *", *lines]).encode(), "crawler/1.0")
    text = rules.take_text()
    assert text is not None
    again = from_text(text)
    assert again.delay == rules.delay
    for path in (*paths, "", "a", "b/a"):
        url = f"{SITE}/{path}"
        assert (again.refusal(url) is None) == (rules.refusal(url) is None), url
    assert again.take_text() == text


def test_a_missing_file_is_known_too() -> None:
    text = from_answer(404, b"", "crawler").take_text()
    assert text == ""
    assert from_text(text).refusal(f"{SITE}/") is None


def test_what_is_long_or_an_error_is_requested_again() -> None:
    short, long = (f"User-agent: *\nDisallow: /{'x' * (MAX_TEXT - n)}" for n in (100, -1))
    assert from_answer(200, short.encode(), "crawler").take_text() is not None
    rules = [from_answer(200, long.encode(), "crawler"), from_answer(503, b"", "crawler")]
    rules.append(unreachable(FetchError(FailureKind.DNS, "no such host")))
    assert [each.take_text() for each in rules] == [None] * 3


def test_rules_are_told_once_with_the_time_at_which_they_came() -> None:
    memory = RobotsMemory()
    memory.keep(SITE, from_answer(200, b"User-agent: *\nCrawl-delay: 5", "crawler"), NOW)
    (record,) = memory.take(NOW + 3.0, UNIX + 3.0)
    assert (record.site, record.fetched, record.delay) == (SITE, UNIX, 5.0)
    assert list(memory.take(NOW + 4.0, UNIX + 4.0)) == []


@pytest.mark.parametrize(("passed", "is_known"), [(LIFETIME - 1.0, True), (LIFETIME, False)])
def test_rules_are_known_for_a_day_over_all_sessions(passed: float, is_known: bool) -> None:
    """Whatever the clock shows when the next session begins."""
    memory = RobotsMemory([RECORD], UNIX + 100.0, NOW)
    verdict = memory.judge(SITE, f"{SITE}/no", NOW - 100.0 + passed)
    assert (verdict is not None) is is_known
    assert not is_known or (verdict is not None and verdict.refusal is not None)


def test_rules_of_the_future_are_known_for_a_day() -> None:
    """The clock was set back."""
    memory = RobotsMemory([RECORD], UNIX - 9e9, NOW)
    assert memory.judge(SITE, f"{SITE}/no", NOW) is not None
    assert memory.judge(SITE, f"{SITE}/no", NOW + LIFETIME) is None


def test_kept_rules_need_no_more_memory_than_others(monkeypatch: pytest.MonkeyPatch) -> None:
    sites = [f"http://{number}.example" for number in range(5)]
    size = from_text(RECORD.text).size
    monkeypatch.setattr(robots_memory, "MOST_BYTES", 2 * size)
    records = [RobotsRecord(site, UNIX, 5.0, RECORD.text) for site in sites]
    memory = RobotsMemory(records, UNIX, NOW)
    for site in sites:
        assert memory.judge(site, f"{site}/no", NOW) is not None
        assert len(memory) <= 2
    forgotten = memory.keep("http://b.example", from_text(RECORD.text), NOW)
    assert forgotten == sites[:4]


def test_a_resume_asks_no_robots_txt_and_keeps_its_delay() -> None:
    known = HostMemory(Learned(robots=[RECORD]), UNIX, UNIX + 9.0, NOW, is_exact=True)
    found = Frontier(lambda _: HostPolicy(4, 0.0), robots=True, memory=known)
    urls = [f"{SITE}/{path}" for path in ("1", "no", "2")]
    for number, url in enumerate(urls):
        assert found.window.place("a.example")
        found.entered([0])
        found.add([Entry(number, url, "a.example", 0, url)], NOW)
    first = found.next(NOW)
    assert isinstance(first, EntryTicket)
    assert isinstance(found.next(NOW), Wait), "one request at once"
    found.release(first, NOW)
    assert found.next(NOW + 4.9) == Wait(NOW + 5.0, held=True)
    assert isinstance(found.next(NOW + 5.0), Disallowed)
    assert isinstance(found.next(NOW + 5.0), EntryTicket)


def test_rules_that_are_too_old_are_requested_again() -> None:
    known = HostMemory(Learned(robots=[RECORD]), UNIX, UNIX + LIFETIME, NOW, is_exact=True)
    found = Frontier(lambda _: HostPolicy(4, 0.0), robots=True, memory=known)
    assert found.window.place("a.example")
    found.entered([0])
    found.add([Entry(1, f"{SITE}/1", "a.example", 0, f"{SITE}/1")], NOW)
    assert isinstance(found.next(NOW), RobotsTicket)
