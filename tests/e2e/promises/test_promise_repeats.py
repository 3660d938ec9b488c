"""Requests that are lost with their connection: how often they are sent again, and when."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
from e2e.promises.conftest import GOOD, Crawled, kinds

from crawler.testing import RESET, Answer, MockWeb, Seen
from crawler.testing.contract.helpers import once_a_connection

FINE = Answer(headers=(("Content-Type", "text/html"),), body=GOOD.encode())
LOST = Answer(script=(RESET,))
DELAY = 0.1
QUICKLY = ("reset", "truncated")


def urls(count: int, scheme: str = "http") -> list[str]:
    return [f"{scheme}://kept.example/{number}" for number in range(count)]


def loses(target: str) -> Callable[[Seen], Answer]:
    """Good pages, and one whose connection is always reset."""
    return lambda seen: LOST if seen.target == target else FINE


@pytest.mark.promise("P75")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_repeated_request_keeps_the_delay(crawled: Crawled, engine: str, scheme: str) -> None:
    wanted = urls(6, scheme)
    with MockWeb(once_a_connection(FINE, RESET)) as web:
        run = crawled(wanted, engine=engine, parse="inline", robots=False, per_host=1, delay=DELAY)
    assert set(run.pages) == set(wanted)
    assert min(after.at - before.at for before, after in pairwise(web.seen)) >= DELAY
    assert max(Counter(seen.target for seen in web.seen).values()) <= 2


@pytest.mark.promise("P75")
@pytest.mark.parametrize("retries", [0, 1, 2])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_request_that_is_always_lost_is_bounded(
    crawled: Crawled, engine: str, scheme: str, retries: int
) -> None:
    """Good pages between its tries give it kept connections to be lost with."""
    good, bad = urls(12, scheme), f"{scheme}://kept.example/lost"
    wanted = [*good[:4], bad, *good[4:]]
    again = [f"{kind}={retries},0.01" for kind in QUICKLY]
    with MockWeb(loses("/lost")) as web:
        run = crawled(wanted, engine=engine, parse="inline", robots=False, per_host=2, retry=again)
    assert set(run.pages) == set(good)
    assert set(kinds(run)) == {"lost"}
    # One lost with a kept connection is sent again even if nothing is to be retried.
    assert len(web.requests(bad)) <= 1 + max(retries, 1)


@pytest.mark.promise("P19", "P75")
def test_a_repeated_request_does_not_use_another_kept_connection(
    crawled: Crawled, engine: str
) -> None:
    """All kept connections to the host have died, and each request finds that out once at most."""
    wanted = urls(32)
    with MockWeb(once_a_connection(FINE, RESET)) as web:
        run = crawled(wanted, engine=engine, parse="inline", robots=False, per_host=8)
    assert set(run.pages) == set(wanted)
    assert max(Counter(seen.target for seen in web.seen).values()) <= 2
