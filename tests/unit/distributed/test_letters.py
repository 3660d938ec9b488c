"""Letters survive their way byte by byte, or are found to be damaged."""

from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.distributed.letters import (
    HEAD_BYTES,
    LetterFile,
    LetterKind,
    decode,
    encode,
    pack,
    records,
)
from crawler.frontier.entry import Candidate
from crawler.model.errors import StateError
from crawler.sources import InputLine

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBERS = st.integers(-(2**63), 2**63 - 1)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any values of a type that a record has."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return records_of(kind)
    if isinstance(kind, UnionType):
        return st.one_of(list(map(values, get_args(kind))))
    if get_origin(kind) is dict:
        return st.dictionaries(*map(values, get_args(kind)), max_size=3)
    simple = {str: TEXTS, int: NUMBERS, float: st.floats(allow_nan=False)}
    return simple[kind] if kind in simple else st.from_type(kind)


def records_of(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Any records of this class, with all fields that it has today."""
    types = get_type_hints(kind)
    return st.builds(kind, **{name: values(types[name]) for name in kind.__struct_fields__})


LINKS = [Candidate(0, 7, f"http://a.example/{n}", "", 1, None, 0) for n in range(3)]


def letter(place: int = 3, count: int = 3) -> bytes:
    body = records([encode(each) for each in LINKS[:count]])
    return pack(place, LetterKind.LINKS, body, count, start=5, end=9)


def read(path: Path, end: int | None = None) -> list[tuple[int, bytes]]:
    """Place and body of each letter."""
    with LetterFile(path, end) as file:
        return [(head.place, file.body(head, begin)) for head, begin in file.heads()]


@given(st.lists(records_of(Candidate), max_size=5))
def test_links_are_read_as_they_were_written(found: list[Candidate]) -> None:
    body = records([encode(each) for each in found])
    assert decode(LetterKind.LINKS, body) == found


@given(
    st.lists(records_of(InputLine), max_size=5),
    st.sampled_from([LetterKind.LINES, LetterKind.SITEMAPS]),
)
def test_lines_are_read_as_they_were_written(found: list[InputLine], kind: LetterKind) -> None:
    assert decode(kind, records([encode(each) for each in found])) == found


def test_letters_follow_one_another(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(letter(1) + letter(-1, 0) + letter(2, 1))
    with LetterFile(path) as file:
        heads = [head for head, _ in file.heads()]
    assert [(each.place, each.count, each.start, each.end) for each in heads] == [
        (1, 3, 5, 9),
        (-1, 0, 5, 9),
        (2, 1, 5, 9),
    ]
    second = len(letter(1))
    with LetterFile(path) as file:
        assert [head.place for head, _ in file.heads(second)] == [-1, 2]


def test_each_torn_tail_is_found(tmp_path: Path) -> None:
    whole, torn = letter(1), letter(2)
    path = tmp_path / "log"
    for length in range(1, len(torn)):
        path.write_bytes(whole + torn[:length])
        with LetterFile(path) as file:
            heads = file.heads()
            assert next(heads)[0].place == 1
            with pytest.raises(StateError, match=rf"log: is damaged at byte {len(whole)}; restore"):
                next(heads)


def test_what_is_behind_the_end_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(letter(1) + b"still being written")
    assert [place for place, _ in read(path, len(letter(1)))] == [1]


def test_each_flipped_bit_is_found(tmp_path: Path) -> None:
    """In the head as in the body: what is read then is damage, and never another letter."""
    path, data = tmp_path / "log", letter(1)
    for at in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[at] ^= 1 << bit
            path.write_bytes(flipped)
            with pytest.raises(StateError, match=r"log: is damaged at byte"):
                read(path)


def test_zeros_are_no_letter(tmp_path: Path) -> None:
    """After a loss of power a file system may have the length of a file, and zeros in it."""
    path = tmp_path / "log"
    path.write_bytes(bytes(3 * HEAD_BYTES))
    with pytest.raises(StateError, match="damaged at byte 0"):
        read(path)


def test_a_log_that_is_shorter_than_it_was_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "links.log"
    path.write_bytes(letter(1))
    length = len(letter(1))
    with pytest.raises(
        StateError, match=rf"links\.log: has {length} bytes, but {length + 1} .*restore"
    ):
        LetterFile(path, length + 1)


def test_a_missing_log_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"links\.log: No such file"):
        LetterFile(tmp_path / "links.log")


def test_what_is_added_by_another_process_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(letter(1))
    assert len(read(path)) == 1
    with path.open("ab") as log:
        log.write(letter(2))
    assert [place for place, _ in read(path)] == [1, 2]
