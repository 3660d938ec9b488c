import tracemalloc
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model.urls import Joiner
from crawler.parsing.link_memory import LinkMemory

PAGES = ["http://h/", "http://h/a", "http://h/b?q", "http://h/d/a", "https://h/d/a", "http://i/d/a"]
joiners = st.builds(Joiner, st.sampled_from(PAGES), st.sampled_from(["utf-8", "gbk", "utf-16be"]))
odd = st.text("ab/?.:@\\ \t\n%é", max_size=6)
links = st.sampled_from(["", "?", "?q=é", " ?q", "\t", "http:", "http:?q", "http:a", "https:?a"])
PATHS = st.sampled_from(["/x", "x", "//h/x", "http://h/x", "../x", "x?é"])
hrefs = st.lists(st.one_of(odd, links, PATHS))


@given(st.lists(st.tuples(joiners, hrefs), max_size=8))
def test_what_is_remembered_is_what_the_page_itself_would_join(
    pages: list[tuple[Joiner, list[str]]],
) -> None:
    memory = LinkMemory()
    for joiner, found in pages:
        different = dict.fromkeys(found)
        joined = list(memory.join_all(different, joiner))
        assert joined == list(joiner.join_all(different))


class Counting(Joiner):
    """Counts the links that it joins."""

    joined = 0

    def join_all(self, hrefs: Iterable[str]) -> Iterator[str | None]:
        wanted = list(hrefs)
        self.joined += len(wanted)
        return super().join_all(wanted)


def test_a_link_is_joined_once_in_a_folder() -> None:
    memory, counts = LinkMemory(), []
    for page in ("1", "2", "3", "4"):
        joiner = Counting(f"http://h/{page}")
        memory.join_all(["a", "b", ""], joiner)
        counts.append(joiner.joined)
    # A folder with one page is not remembered, and an empty link never is.
    assert counts == [3, 3, 1, 1]


@pytest.mark.promise("P62")
def test_the_memory_is_bounded() -> None:
    assert most_bytes(LinkMemory(100_000)) < 300_000
    assert most_bytes(LinkMemory(10**9)) > 1_000_000


def most_bytes(memory: LinkMemory) -> int:
    """Bytes that it has at most while it sees 100 folders with 100 links each."""
    most = 0
    tracemalloc.start()
    try:
        for number in range(100):
            for page in ("a", "b"):
                joiner = Joiner(f"http://h/{number}/{page}")
                list(memory.join_all([f"{each}.html" for each in range(100)], joiner))
            most = max(most, tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    return most
