"""What a worker remembers of earlier pages changes no page, and returns no link twice."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model.scope import make_scope
from crawler.model.urls import key
from crawler.parsing.batch import BatchParser, Outcome, Task
from crawler.parsing.facts import MAX_LINK_BYTES
from crawler.parsing.job import Job, ParseOptions
from crawler.sinks.jsonl import JsonlEncoder

OPTIONS = ParseOptions(max_bytes=10_000_000, follow=True, max_depth=None, scope=make_scope("host"))
SEED = "http://h.example/"


def task(number: int, html: str, url: str = SEED, seed: str = SEED) -> Task:
    job = Job(number, url, url, seed, 200, "text/html", None, None, "now", 1.0, 0)
    return Task(job, html.encode())


def parser() -> BatchParser:
    return BatchParser(OPTIONS, (JsonlEncoder(),))


def links(urls: list[str]) -> str:
    return "".join(f"<a href='{url}'></a>" for url in urls)


URLS = st.sampled_from([f"{SEED}{path}" for path in ("", "a", "b?q", "d/", "d/a", "d/b")])
HREFS = st.sampled_from(
    [
        "",
        "#f",
        "?p",
        "?p#f",
        " ?p",
        "a",
        "/a",
        "./a#f",
        "../d/a",
        "%61",
        "b?q",
        "http:",
        "http:?p",
        "http://h.example/a",
        "http://o.example/a",
        "//o.example",
        "mailto:a",
        "a/a/a/a/a/a",
    ]
)


@given(st.lists(st.tuples(URLS, st.lists(HREFS, max_size=6)), max_size=6))
def test_earlier_pages_change_no_page(pages: list[tuple[str, list[str]]]) -> None:
    worker = parser()
    reported: set[str] = set()
    for number, (url, hrefs) in enumerate(pages):
        one = task(number, links(hrefs), url)
        warm, fresh = worker.run((one,)), parser().run((one,))
        assert warm.chunks == fresh.chunks
        (outcome,), (expected,) = warm.outcomes, fresh.outcomes
        assert without_links(outcome) == without_links(expected)
        new = {link.url for link in outcome.links} | {link.url for link, _ in outcome.trapped}
        found = {link.url for link in expected.links} | {link.url for link, _ in expected.trapped}
        assert new <= found
        assert new.isdisjoint(reported)
        reported |= new
        # Another spelling of a reported link is not new.
        assert {key(url) for url in found} <= {key(url) for url in reported}


def without_links(outcome: Outcome) -> Outcome:
    return msgspec.structs.replace(outcome, links=(), trapped=())


@pytest.mark.promise("P62")
def test_reported_links_count_for_the_limit_of_a_long_seed() -> None:
    seed = SEED + "s" * 8_000
    many = links([f"/{number}" for number in range(1_000)])
    worker = parser()
    first, second = (worker.run((task(n, many, seed=seed),)).outcomes[0] for n in range(2))
    most = MAX_LINK_BYTES // len(seed)
    assert (len(first.links), first.cut) == (most, 1_000 - most)
    assert (len(second.links), second.cut) == (0, 1_000 - most)
