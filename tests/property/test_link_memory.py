from hypothesis import given
from hypothesis import strategies as st

from crawler.model.urls import Joiner
from crawler.parsing import link_memory
from crawler.parsing.link_memory import LinkMemory

PAGES = ["http://h/", "http://h/a", "http://h/b?q", "http://h/d/a", "https://h/d/a", "http://i/d/a"]
joiners = st.builds(Joiner, st.sampled_from(PAGES), st.sampled_from(["utf-8", "gbk", "utf-16be"]))
odd = st.text("ab/?.:@\\ \t\n%é", max_size=6)
links = st.sampled_from(["", "?", "?q=é", " ?q", "\t", "http:", "http:?q", "http:a", "https:?a"])
hrefs = st.lists(st.one_of(odd, links, st.sampled_from(["/x", "x", "//h/x", "http://h/x", "../x"])))


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

    def join_all(self, hrefs):  # type: ignore[no-untyped-def]
        hrefs = list(hrefs)
        self.joined += len(hrefs)
        return super().join_all(hrefs)


def test_a_link_is_joined_once_in_a_folder() -> None:
    memory, links = LinkMemory(), ["a", "b", ""]
    counts = []
    for page in ("1", "2", "3", "4"):
        joiner = Counting(f"http://h/{page}")
        memory.join_all(links, joiner)
        counts.append(joiner.joined)
    # The second page of a folder is the first one that is worth remembering.
    assert counts == [3, 3, 1, 1]


def test_the_memory_is_bounded(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(link_memory, "LINKS_REMEMBERED", 100)
    memory = LinkMemory()
    for number in range(1_000):
        joiner = Joiner(f"http://h/{number // 2}/")
        memory.join_all([f"{number}-{each}" for each in range(5)] + ["x" * 1_000], joiner)
        folders = memory._folders.values()
        assert len(folders) + sum(map(len, folders)) <= 110
        assert not any("x" * 1_000 in folder for folder in folders)
