"""The order of the lines."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model.errors import FailureKind, SkipReason, UsageError
from crawler.sources import InputLine, ordered

URLS = [f"http://a.example/{number}" for number in range(200)]


def history(folder: Path, times: dict[str, float], tail: str = "") -> str:
    records = [{"url": url, "status": 200, "elapsed_ms": ms} for url, ms in times.items()]
    text = "".join(f"{msgspec.json.encode(record).decode()}\n" for record in records)
    (folder / "pages.jsonl").write_text(text + tail)
    return str(folder)


def test_input_order_reads_no_line_ahead() -> None:
    def endless() -> object:
        while True:
            yield "http://a.example/"

    assert next(iter(ordered(endless(), "input"))) == "http://a.example/"  # type: ignore[arg-type]


def test_random_order_depends_on_the_seed() -> None:
    first = list(ordered(URLS, "random", 1))
    assert first != URLS
    assert sorted(first, key=URLS.index) == URLS  # type: ignore[arg-type]
    assert list(ordered(iter(URLS), "random", 1)) == first
    assert list(ordered(URLS, "random", 2)) != first


wanted = st.builds(
    InputLine,
    st.text(),
    st.none() | st.text(),
    st.none() | st.text(),
    st.sampled_from(FailureKind),
    st.none() | st.sampled_from(SkipReason),
    st.booleans(),
    st.none() | st.integers(1, 2**40),
    st.none() | st.dictionaries(st.text(), st.text(), max_size=3),
)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])) | wanted), st.integers())
def test_ordering_keeps_every_line(given: list[str | InputLine], seed: int) -> None:
    found = list(ordered(given, "random", seed))
    assert sorted(map(repr, found)) == sorted(map(repr, given))


def test_ordering_keeps_a_line_that_is_not_text() -> None:
    (found,) = ordered(["http://\ud800"], "random")
    assert isinstance(found, InputLine)
    assert found.wrong


def test_ordering_reads_nothing_early() -> None:
    def refusing() -> object:
        pytest.fail("read too early")
        yield

    assert ordered(refusing(), "random")  # type: ignore[arg-type]


def test_the_slowest_come_first(tmp_path: Path) -> None:
    times = {"http://a.example/1": 10.0, "http://a.example/2": 30.0, "http://a.example/3": 20.0}
    run = history(tmp_path, times)
    given: list[str | InputLine] = [
        "http://new.example/b",
        InputLine("http://a.example/1", line=5, row={"n": "1"}),
        "http://A.example:80/2#x",
        "http://new.example/a",
        "no url",
        "http://a.example/3",
    ]
    found = list(ordered(given, "slowest", history=run))
    assert found == [given[2], given[0], given[3], given[4], given[5], given[1]]


def test_without_times_the_input_order_stays(tmp_path: Path) -> None:
    assert list(ordered(URLS, "slowest", history=history(tmp_path, {}))) == URLS


def test_a_torn_record_of_the_history_is_ignored(tmp_path: Path) -> None:
    torn = '{"url":"http://a.example/2","elapsed_ms":9'
    run = history(tmp_path, {"http://a.example/1": 5.0, "http://a.example/0": 1.0}, torn)
    found = list(ordered(["http://a.example/0", *URLS[1:3]], "slowest", history=run))
    assert found == ["http://a.example/1", "http://a.example/2", "http://a.example/0"]


@pytest.mark.parametrize("line", ["{}", "[]", "\xff", '{"url": 1, "elapsed_ms": 1}', '"'])
def test_a_foreign_history_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    run = history(tmp_path, {"http://a.example/": 1.0})
    with (tmp_path / "pages.jsonl").open("a", encoding="latin-1") as file:
        file.write(line + "\n")
    with pytest.raises(UsageError, match=r"pages\.jsonl: line 2 is not a page: "):
        list(ordered(URLS, "slowest", history=run))


def test_a_history_without_pages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no pages\.jsonl"):
        ordered(URLS, "slowest", history=str(tmp_path))
    with pytest.raises(UsageError, match="--order slowest needs --history"):
        ordered(URLS, "slowest")
