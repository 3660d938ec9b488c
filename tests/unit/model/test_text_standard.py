"""Text as the standards have it: indexes and labels of the Encoding Standard, html5lib's pages."""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import encoding_standard as standard

from crawler.model.text import Kind, codec, decode, label
from crawler.model.text_codecs import decode_as
from crawler.model.text_declared import in_html
from crawler.model.text_labels import LABELS
from crawler.model.text_query import encode_query

pytestmark = pytest.mark.promise("P88")

DATA = Path(__file__).parents[2] / "data"
NAMED: dict[str, list[str]] = json.loads((standard.DATA / "labels.json").read_text())
SINGLE_BYTE = [name for name, points in standard.indexes().items() if len(points) == 128]
OTHERS = ["big5", "euc-jp", "euc-kr", "gb18030", "gbk", "shift_jis"]
HALVES = {  # bytes that are near the ends of ranges, or whose characters Python has otherwise
    "big5": b"\xa2AB\x87\x7a\x88\x62\xa1\xc6\xf9\x80\xff \xfe@\x7f",
    "euc-jp": b"\x8f\xa2\xb7\x8e\xa1\xad\xfe\xfcA\x80\x90\xff\xdf\xe0",
    "euc-kr": b"\x81AZ[az{\x80\xff\xa1\xfe\xc9\xb0 ",
    "gb18030": b"\x8109\x84\xe3\xff\x80\xa8\xbc\xa3\xa0@\x7f5\xf47\xfe\n",
    "iso-2022-jp": b"\x1b$(BJI@!-\\~\n\x0e\x0f\x80P",
    "replacement": b"a\xff",
    "shift_jis": b"\x81@\x80\xa0\xa1\xfd\xff\xf0\xfc\x4b\x87\x90 \x7f",
    "utf-16be": b"\xd8\xdc\0A\xdf\xdb",
    "utf-16le": b"\xd8\xdc\0A\xdf\xdb",
}


def test_every_label_has_its_name() -> None:
    labels = {each: name.lower() for name, known in NAMED.items() for each in known}
    assert len(labels) == 228
    assert {each: label(each.upper()) for each in labels} == labels
    assert set(LABELS) == set(labels)


def differences(encoding: str, sequences: Sequence[bytes]) -> dict[bytes, str]:
    """By sequence that is read differently from the standard: its text."""
    end = b"\x1b(B\n" if encoding == "iso-2022-jp" else b"\n"
    found = decode_as(end.join(sequences), encoding).split("\n")
    assert len(found) == len(sequences)
    return {
        each: text
        for each, text in zip(sequences, found, strict=True)
        if text != standard.decode(each + end, encoding).removesuffix("\n")
    }


def pairs(before: bytes = b"", first: int = 0x80, last: int = 0xFF) -> list[bytes]:
    span = range(first, last + 1)
    return [
        before + bytes((lead, trail))
        for lead in span
        for trail in range(256)
        if trail not in b"\n\x1b"
    ]


@pytest.mark.parametrize("encoding", [*SINGLE_BYTE, "iso-8859-8-i", "x-user-defined"])
def test_every_byte_has_its_character(encoding: str) -> None:
    assert differences(encoding, [bytes((byte,)) for byte in range(256) if byte != 0x0A]) == {}


@pytest.mark.parametrize("encoding", OTHERS)
def test_every_pair_of_bytes_has_its_character(encoding: str) -> None:
    assert differences(encoding, pairs()) == {}


def test_every_character_of_jis0212_is_there() -> None:
    assert differences("euc-jp", pairs(before=b"\x8f")) == {}


def test_every_character_of_iso_2022_jp_is_there() -> None:
    assert differences("iso-2022-jp", pairs(before=b"\x1b$B", first=0x20, last=0x7F)) == {}


def test_every_range_of_gb18030_is_there() -> None:
    """Both ends of each range, what is next to them, and the gap between the planes."""
    edges = [start for start, _ in standard.indexes()["gb18030-ranges"]]
    pointers = {each for edge in edges for each in range(max(0, edge - 2), edge + 2)}
    pointers |= {7456, 7457, 7458, 39418, 39419, 39420, 188999, 1237574, 1237575, 1237576, 1587599}
    assert differences("gb18030", list(map(four_bytes, sorted(pointers)))) == {}


def four_bytes(pointer: int) -> bytes:
    lead, pointer = divmod(pointer, 12600)
    second, pointer = divmod(pointer, 1260)
    return bytes((lead + 0x81, second + 0x30, pointer // 10 + 0x81, pointer % 10 + 0x30))


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    """A multi-byte encoding, and bytes in three pieces."""
    encoding = draw(st.sampled_from(sorted(HALVES)))
    byte = st.one_of(st.sampled_from(HALVES[encoding]), st.integers(0, 255))
    body = bytes(draw(st.lists(byte, max_size=12)))
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), min_size=2, max_size=2)))
    return encoding, [body[start:end] for start, end in pairwise([0, *cuts, len(body)])]


@given(bodies())
def test_malformed_bytes_are_read_as_the_standard_says(given: tuple[str, list[bytes]]) -> None:
    """As many U+FFFD, in the same places, also if the bytes come in pieces."""
    encoding, pieces = given
    expected = standard.decode(b"".join(pieces), encoding)
    assert decode_as(b"".join(pieces), encoding) == expected
    stream = codec(encoding)
    assert "".join([stream.decode(each) for each in pieces]) + stream.decode(b"", True) == expected


@pytest.mark.parametrize(
    "case",
    json.loads((DATA / "wpt-encoding" / "decoding.json").read_text()),
    ids=lambda case: case["bytes"],
)
def test_web_platform_tests_of_decoders(case: dict[str, str]) -> None:
    assert decode_as(bytes.fromhex(case["bytes"]), case["encoding"]) == case["text"]


@pytest.mark.parametrize("encoding", OTHERS)
def test_every_character_is_encoded_or_written_as_a_number(encoding: str) -> None:
    """All of the index, all for private use, and some of the others, which it lacks."""
    index = {"gbk": "gb18030", "euc-jp": "jis0208", "shift_jis": "jis0208"}.get(encoding, encoding)
    points = {point for point in standard.indexes()[index] if point is not None and point >= 0x80}
    points |= {*range(0x80, 0x3000), *range(0xE000, 0xE900), *range(0xE900, 0x2FA20, 97), 0xD7FF}
    text = "".join(map(chr, sorted(points)))
    expected = b"".join([in_query(each, standard.encode(each, encoding)) for each in text])
    assert encode_query(text, encoding) == expected


def in_query(character: str, encoded: bytes | None) -> bytes:
    if encoded is None:
        return f"%26%23{ord(character)}%3B".encode()
    return b"".join(b"%%%02X" % byte if byte >= 0x7F else bytes((byte,)) for byte in encoded)


@pytest.mark.parametrize("encoding", [*SINGLE_BYTE, "x-user-defined"])
def test_every_byte_is_written_again(encoding: str) -> None:
    text = decode_as(bytes(range(0x80, 0x100)), encoding)
    for byte, character in enumerate(text, 0x80):
        if character != "\ufffd" and text.index(character) == byte - 0x80:
            assert encode_query(character, encoding) == b"%%%02X" % byte


def html5lib_tests() -> Iterator[tuple[bytes, str]]:
    for path in sorted((DATA / "html5lib-encoding").glob("*.dat")):
        for case in path.read_bytes().split(b"#data\n")[1:]:
            body, _, encoding = case.partition(b"\n#encoding\n")
            yield body, encoding.split(b"\n")[0].decode().lower()


HTML5LIB = list(html5lib_tests())


def test_the_tests_of_html5lib_are_read() -> None:
    assert len(HTML5LIB) == 82


@pytest.mark.parametrize(("body", "encoding"), HTML5LIB, ids=range(len(HTML5LIB)))
def test_html5lib_tests_of_encodings(body: bytes, encoding: str) -> None:
    """They expect windows-1252 where nothing is declared; then we look whether it is UTF-8."""
    found = decode(body, kind=Kind.HTML).encoding
    assert found == encoding or (encoding, found, in_html(body)) == ("windows-1252", "utf-8", None)
