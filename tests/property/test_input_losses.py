"""No line of a list or a table is lost in silence: it is requested, or it fails by its number."""

import io
import re
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.sources import InputLine, lines, parse

BAD = "http://bad.example/"
"""The URL in damaged lines, which is never requested."""
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
CODES = st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])
AROUND = st.sampled_from(["", " ", "\u200b", "\ufeff", "\u00a0", "\t", "\u200e", "\u2028"])
COMMENTS = st.sampled_from(["", "", " # x", "\t#x", "\t#cell\t1"])

GARBAGE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])).map(
    "x{}".format
)
DAMAGE = GARBAGE | st.sampled_from([
    f"{BAD},{BAD}", f"{BAD} words", f"{BAD}\u200bx", f"{BAD}\x00x", f"{BAD},", f"{BAD};", f"<{BAD}",
    f"{BAD}\t{BAD}\tx", "http://[", "http://", "ftp://bad.example/", "bad.example", f'"{BAD}',
])  # fmt: skip


def numbers(found: Sequence[InputLine]) -> set[int]:
    """The lines that the messages name."""
    messages = [line.wrong for line in found if line.wrong is not None]
    return {int(re.match(r"line (\d+)(?: to|: )", message)[1]) for message in messages}  # type: ignore[index]


def read(data: bytes, **options: str) -> list[InputLine]:
    return [parse(line) for line in lines(["-"], stdin=lambda: io.BytesIO(data), **options)]


def urls(found: Sequence[InputLine]) -> list[str]:
    return [line.url for line in found if line.wrong is None]


@pytest.mark.promise("P83", "P97")
@given(st.lists(st.tuples(AROUND, AROUND, COMMENTS) | DAMAGE, min_size=1, max_size=12), ENDS, CODES)
def test_every_line_of_a_list_is_requested_or_fails(
    parts: list[tuple[str, str, str] | str], end: str, code: str
) -> None:
    wanted, wrong, text = [], set(), []
    for number, part in enumerate(parts, 1):
        if isinstance(part, str):
            wrong.add(number)
            text.append(part)
        else:
            wanted.append(f"http://good.example/{number}")
            text.append(f"{part[0]}{wanted[-1]}{part[1]}{part[2]}")
    found = read(end.join(text).encode(code))
    assert urls(found) == wanted
    assert numbers(found) == wrong
    assert len({line.url for line in found}) == len(found)


@pytest.mark.promise("P83")
@given(st.lists(st.binary(max_size=30), max_size=12))
def test_bytes_of_a_list_lose_no_url(damage: list[bytes]) -> None:
    cleaned = [b"x" + each.translate(None, b"\r\n") for each in damage]
    wanted = [f"http://good.example/{number}" for number in range(len(cleaned) + 1)]
    text = b"".join(
        url.encode() + b"\n" + each + b"\n"
        for url, each in zip(wanted, [*cleaned, b"x"], strict=True)
    )
    found = read(text)
    assert urls(found) == wanted
    assert numbers(found) == set(range(2, 2 * len(wanted) + 1, 2))


CELLS = st.text('ab"; \t\u200b', max_size=5) | st.sampled_from(["a,b", '"', "q\nr", ",m"])
ROWS = st.text('ab",\t ', max_size=12).map("x{}".format) | st.sampled_from(
    ['"x', f'1,"{BAD}x', f"1,{BAD},2,3", '1,,"', '"x","', f'1,{BAD} x,"', f'"1,{BAD},2'],
)


def quoted(cell: str, always: bool) -> str:
    plain = not always and not set(cell) & set('",\n\r')
    return cell if plain else f'"{cell.replace(chr(34), chr(34) * 2)}"'


@pytest.mark.promise("P84")
@given(st.lists(st.tuples(CELLS, CELLS, st.booleans(), ROWS), min_size=1, max_size=8))
@example([("", ",m", False, '"x')])
def test_every_row_of_a_table_is_requested_or_fails(
    rows: list[tuple[str, str, bool, str]],
) -> None:
    """Damaged rows between good ones; a good one may have quotes and line breaks of its own."""
    wanted, wrong, text, number = [], set(), "n,url,m\n", 2
    for index, (before, after, always, damage) in enumerate(rows):
        wanted.append(f"http://good.example/{index}")
        row = ",".join(quoted(cell, always) for cell in (before, wanted[-1], after))
        text += f"{row}\n{damage}\n"
        number += row.count("\n") + 1
        wrong.add(number)
        number += 1
    found = read(text.encode(), column="url")
    assert urls(found) == wanted
    assert wrong <= numbers(found)
    assert BAD not in " ".join(urls(found))
