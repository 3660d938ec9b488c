"""What was not the same for all is named, and what is an option's doing withholds the verdict."""

from typing import Any

import pytest

from crawler.compare.parity import audit
from crawler.compare.reuse import Reuse
from crawler.engines.base import Capabilities
from crawler.localweb.connection import Seen
from crawler.localweb.request_log import Account, RequestHead, RequestLog
from crawler.metrics.comparison import Parity
from crawler.metrics.contestants import Contestant
from crawler.model.exchange import Headers
from crawler.settings import Settings

HEADERS: Headers = (("Accept", "*/*"), ("User-Agent", "crawler/1"))
CURL = Capabilities("curl", "", "", True, True, False)
THREADS = Capabilities("threads", "", "", False, False, True, None, (), ("It closes connections.",))


def account(headers: Headers = HEADERS, version: str = "HTTP/1.1", **changes: Any) -> Account:
    counts = {
        "requests": 100,
        "connections": 10,
        "missed": 0,
        "cpu_s": 0.1,
        "wait_s": 1.0,
    } | changes
    return Account(**counts, heads=(RequestHead(version, headers),))


def judge(curl: Account, other: Account, options: dict[str, Any] | None = None) -> Parity:
    """``options`` are those of curl alone."""
    seen = {Contestant("curl", 8): [curl], Contestant("threads", 8): [other]}
    own = {
        "curl": Settings(engine="curl", **(options or {})),
        "threads": Settings(engine="threads"),
    }
    return audit(own, {"curl": CURL, "threads": THREADS}, HEADERS, seen, {})


def test_equal_runs_are_fair_with_notes() -> None:
    closing = (*HEADERS, ("Connection", "close"))
    found = judge(account(), account(closing, connections=100))
    assert found.fair
    assert "threads: It closes connections." in found.engines
    assert any(note.startswith("keep-alive: not with threads") for note in found.engines)
    assert {"slots", "dns", "tls", "headers", "http2", "redirects", "timeout"} <= set(found.same)


@pytest.mark.parametrize(
    ("options", "name"),
    [({"http2": True}, "http2"), ({"timeout": 5}, "timeout"), ({"retries": 0}, "retries")],
)
def test_an_option_that_only_one_has_is_unfair(options: dict[str, Any], name: str) -> None:
    found = judge(account(), account(), options)
    assert not found.fair
    assert len(found.settings) == 1
    assert found.settings[0].startswith(f"{name}: ")
    assert name not in found.same


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (account((*HEADERS, ("X-More", "1"))), "curl never sent x-more: 1; other engines did"),
        (account(HEADERS[:1]), "threads never sent user-agent: crawler/1; other engines did"),
        (account((HEADERS[0], ("User-Agent", "x"))), "curl never sent user-agent: x; other"),
        (account(version="HTTP/1.0"), "curl never sent HTTP/1.0; other engines did"),
        (account(requests=102), "threads at 8 made 102 requests for the list; 100 are enough"),
    ],
)
def test_different_requests_are_unfair(sent: Account, says: str) -> None:
    found = judge(account(), sent)
    assert not found.fair
    assert any(says in sentence for sentence in found.unexplained), found.unexplained


def test_order_and_spelling_of_headers_stay_fair() -> None:
    other = account((("accept", "*/*"), ("User-agent", "crawler/1")))
    found = judge(account(), other)
    assert found.fair
    assert "header names differ in upper and lower case" in found.engines


def test_an_engine_that_could_keep_connections_and_did_not_is_unfair() -> None:
    reuse = {Contestant(name, 8): [Reuse(100, n, 8)] for name, n in (("a", 8), ("b", 90))}
    able = {name: Capabilities(name, "", "", True, False, False) for name in "ab"}
    found = audit({name: Settings() for name in "ab"}, able, HEADERS, {}, reuse)
    assert not found.fair
    (sentence,) = found.unexplained
    assert sentence.startswith("b at 8 opened 90 connections for 100 requests, although 8 were")
    closing = {**able, "b": Capabilities("b", "", "", False, False, False)}
    assert audit({name: Settings() for name in "ab"}, closing, HEADERS, {}, reuse).fair


def ways(process: list[Account], inline: list[Account], **options: Any) -> Parity:
    """An executor in each way to parse; ``options`` are those of inline alone."""
    seen = {Contestant("curl", 8, "process", 2): process, Contestant("curl", 8, "inline"): inline}
    own = {
        "curl, process": Settings(parse="process", workers=2),
        "curl, inline": Settings(parse="inline", **options),
    }
    return audit(own, {"curl": CURL}, HEADERS, seen, {})


def test_ways_to_parse_may_differ_in_nothing_else() -> None:
    assert ways([account()], [account()]).fair
    found = ways([account()], [account()], max_bytes=1000)
    assert not found.fair
    assert found.settings[0].endswith("for curl, process, 1000 for curl, inline")


def test_requests_are_counted_for_each_way_to_parse() -> None:
    found = ways([account()], [account(requests=110)])
    assert found.unexplained == ("inline made 110 requests for the list; 100 are enough",)


def test_headers_of_every_run_of_an_engine_count() -> None:
    more = account((*HEADERS, ("X-More", "1")))
    seen = {
        Contestant("curl", 8): [more],
        Contestant("curl", 64): [account()],
        Contestant("threads", 8): [account()],
    }
    own = {"curl": Settings(), "threads": Settings(engine="threads")}
    found = audit(own, {"curl": CURL, "threads": THREADS}, HEADERS, seen, {})
    assert found.unexplained == ("threads never sent x-more: 1; other engines did",)


def test_the_server_account_keeps_no_secret() -> None:
    ledger = RequestLog()
    pairs = (("Host", "a"), ("B", "2"), ("Authorization", "Basic c2VjcmV0"), ("A", "1"))
    seen = Seen("GET", "/", "HTTP/1.1", pairs, "a", 1, 0.0, ("127.0.0.1", 1))
    ledger.note(seen, 0.25)
    ledger.note(seen, 0.5)
    found = ledger.close(connections=3, missed=1)
    assert (found.requests, found.connections, found.missed) == (2, 3, 1)
    assert found.wait_s == 0.75
    assert found.heads == (
        RequestHead("HTTP/1.1", (("A", "1"), ("Authorization", "…"), ("B", "2"))),
    )
    again = ledger.close(connections=4, missed=1)
    assert (again.requests, again.connections, again.missed, again.wait_s) == (0, 1, 0, 0)
    assert again.heads == ()
