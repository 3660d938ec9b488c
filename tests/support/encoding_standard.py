"""The decoders and encoders of the Encoding Standard, step by step and byte by byte.

Slow and literal, with the standard's own indexes: what the fast ones are compared with.
"""

import json
import lzma
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "encoding"
BAD = "\ufffd"
BIG5_PAIRS = {
    1133: "\u00ca\u0304",
    1135: "\u00ca\u030c",
    1164: "\u00ea\u0304",
    1166: "\u00ea\u030c",
}

_Step = tuple[str, int]
"""Characters, and the number of bytes that they take."""


@cache
def indexes() -> dict[str, list[int | None]]:
    """Name → code points by pointer; ``gb18030-ranges`` has pairs of pointer and code point."""
    return json.loads(lzma.decompress((DATA / "indexes.json.xz").read_bytes()))


def character(index: str, pointer: int) -> str | None:
    points = indexes()[index]
    point = points[pointer] if 0 <= pointer < len(points) else None
    return None if point is None else chr(point)


def decode(body: bytes, encoding: str) -> str:
    """The text of ``body`` without regard to byte order marks."""
    if encoding in ("utf-16be", "utf-16le"):
        return _utf_16(body, "big" if encoding == "utf-16be" else "little")
    if encoding == "iso-2022-jp":
        return "".join(_iso_2022_jp(body))
    if encoding == "replacement":
        return BAD if body else ""
    step = _STEPS.get(encoding)
    if step is None:
        return "".join(_single(byte, encoding) for byte in body)
    text, at = [], 0
    while at < len(body):
        found, length = (chr(body[at]), 1) if body[at] < 0x80 else step(body[at : at + 4])
        text.append(found)
        at += length
    return "".join(text)


def _single(byte: int, encoding: str) -> str:
    if byte < 0x80:
        return chr(byte)
    if encoding == "x-user-defined":
        return chr(0xF780 + byte - 0x80)
    return character(encoding.removesuffix("-i"), byte - 0x80) or BAD


def _utf_16(body: bytes, order: str) -> str:
    text, at, leading = [], 0, 0
    while at + 1 < len(body):
        unit = int.from_bytes(body[at : at + 2], order)
        if leading:
            if 0xDC00 <= unit <= 0xDFFF:
                text.append(chr(0x10000 + ((leading - 0xD800) << 10) + unit - 0xDC00))
                at += 2
            else:  # the two bytes are read again
                text.append(BAD)
            leading = 0
            continue
        at += 2
        if 0xD800 <= unit <= 0xDBFF:
            leading = unit
        else:
            text.append(BAD if 0xDC00 <= unit <= 0xDFFF else chr(unit))
    return "".join(text) + BAD * (at < len(body) or leading > 0)


def _pair(body: bytes, found: str | None) -> _Step:
    """What two bytes are; a second byte in ASCII is read again if they are nothing."""
    if found is not None:
        return found, 2
    return BAD, 1 if body[1] < 0x80 else 2


def _gb18030(body: bytes) -> _Step:
    first, *more = body
    if first == 0x80:
        return "€", 1
    if first == 0xFF or not more:
        return BAD, 1
    second = more[0]
    if not 0x30 <= second <= 0x39:
        offset = 0x40 if second < 0x7F else 0x41
        is_valid = 0x40 <= second <= 0x7E or 0x80 <= second <= 0xFE
        pointer = (first - 0x81) * 190 + second - offset
        return _pair(body, character("gb18030", pointer) if is_valid else None)
    if len(more) == 1:
        return BAD, 2
    third = more[1]
    if not 0x81 <= third <= 0xFE:
        return BAD, 1
    if len(more) == 2:
        return BAD, 3
    fourth = more[2]
    if not 0x30 <= fourth <= 0x39:
        return BAD, 1
    pointer = (first - 0x81) * 12600 + (second - 0x30) * 1260 + (third - 0x81) * 10 + fourth - 0x30
    return range_character(pointer) or BAD, 4


def range_character(pointer: int) -> str | None:
    """The "index gb18030 ranges code point"."""
    if 39419 < pointer < 189000 or pointer > 1237575:
        return None
    if pointer == 7457:
        return "\ue7c7"
    offset, point = max(pair for pair in indexes()["gb18030-ranges"] if pair[0] <= pointer)
    return chr(point + pointer - offset)


def _big5(body: bytes) -> _Step:
    leading, *more = body
    if leading in (0x80, 0xFF) or not more:
        return BAD, 1
    byte = more[0]
    if not (0x40 <= byte <= 0x7E or 0xA1 <= byte <= 0xFE):
        return _pair(body, None)
    pointer = (leading - 0x81) * 157 + byte - (0x40 if byte < 0x7F else 0x62)
    return _pair(body, BIG5_PAIRS.get(pointer) or character("big5", pointer))


def _euc_kr(body: bytes) -> _Step:
    leading, *more = body
    if leading in (0x80, 0xFF) or not more:
        return BAD, 1
    pointer = (leading - 0x81) * 190 + more[0] - 0x41
    return _pair(body, character("euc-kr", pointer) if 0x41 <= more[0] <= 0xFE else None)


def _shift_jis(body: bytes) -> _Step:
    leading, *more = body
    if leading == 0x80:
        return "\x80", 1
    if 0xA1 <= leading <= 0xDF:
        return chr(0xFF61 - 0xA1 + leading), 1
    if leading == 0xA0 or leading > 0xFC or not more:
        return BAD, 1
    byte = more[0]
    if not (0x40 <= byte <= 0x7E or 0x80 <= byte <= 0xFC):
        return _pair(body, None)
    offset, leading_offset = 0x40 if byte < 0x7F else 0x41, 0x81 if leading < 0xA0 else 0xC1
    pointer = (leading - leading_offset) * 188 + byte - offset
    if 8836 <= pointer <= 10715:
        return chr(0xE000 - 8836 + pointer), 2
    return _pair(body, character("jis0208", pointer))


def _euc_jp(body: bytes) -> _Step:
    leading, *more = body
    if (leading not in (0x8E, 0x8F) and not 0xA1 <= leading <= 0xFE) or not more:
        return BAD, 1
    if leading == 0x8E and 0xA1 <= more[0] <= 0xDF:
        return chr(0xFF61 - 0xA1 + more[0]), 2
    if leading == 0x8F and 0xA1 <= more[0] <= 0xFE:
        if len(more) == 1:
            return BAD, 2
        found, length = _pair(body[1:3], _cell("jis0212", *more[:2]))
        return found, length + 1
    return _pair(body, _cell("jis0208", leading, more[0]))


def _cell(index: str, row: int, column: int) -> str | None:
    if not (0xA1 <= row <= 0xFE and 0xA1 <= column <= 0xFE):
        return None
    return character(index, (row - 0xA1) * 94 + column - 0xA1)


_STEPS: dict[str, Callable[[bytes], _Step]] = {
    "gbk": _gb18030,
    "gb18030": _gb18030,
    "big5": _big5,
    "euc-kr": _euc_kr,
    "shift_jis": _shift_jis,
    "euc-jp": _euc_jp,
}
_ESCAPES = {b"(B": "ascii", b"(J": "roman", b"(I": "katakana", b"$@": "double", b"$B": "double"}


def _iso_2022_jp(body: bytes) -> Iterator[str]:
    state, has_switched, at = "ascii", False, 0
    while at < len(body):
        byte = body[at]
        if byte == 0x1B:
            following = _ESCAPES.get(body[at + 1 : at + 3])
            if following is None:
                has_switched = False
                yield BAD
                at += 1
                continue
            if has_switched:
                yield BAD
            state, has_switched, at = following, True, at + 3
            continue
        has_switched = False
        at += 1
        if state == "double" and 0x21 <= byte <= 0x7E:
            if at == len(body) or body[at] == 0x1B:
                yield BAD
            else:
                second = body[at]
                at += 1
                is_valid = 0x21 <= second <= 0x7E
                yield (_cell("jis0208", byte + 0x80, second + 0x80) if is_valid else None) or BAD
        elif state == "katakana" and 0x21 <= byte <= 0x5F:
            yield chr(0xFF61 - 0x21 + byte)
        elif state in ("ascii", "roman") and byte < 0x80 and byte not in (0x0E, 0x0F):
            is_roman = state == "roman"
            yield {0x5C: "¥", 0x7E: "‾"}.get(byte, chr(byte)) if is_roman else chr(byte)
        else:
            yield BAD


def pointer(index: str, point: int) -> int | None:
    """The "index pointer": the first one of a code point."""
    return _pointers(index).get(point)


@cache
def _pointers(index: str) -> dict[int, int]:
    points: Sequence[int | None] = indexes()[index.removesuffix("-shift_jis")]
    found: dict[int, int] = {}
    for at, point in enumerate(points):
        if index == "jis0208-shift_jis" and 8272 <= at <= 8835:
            continue
        if index == "big5" and at < (0xA1 - 0x81) * 157:
            continue
        if point is not None and (
            point not in found or (index == "big5" and chr(point) in "═╞╡╪十卅")
        ):
            found[point] = at
    return found


def encode(character: str, encoding: str) -> bytes | None:
    """The bytes of one character in a multi-byte encoding; None if it lacks the character."""
    point = ord(character)
    if point < 0x80:
        return bytes([point])
    return _ENCODERS[encoding](point)


def _encode_gb18030(point: int) -> bytes | None:
    if point == 0xE5E5:
        return None
    if chr(point) in _GB18030_SIDE:
        return _GB18030_SIDE[chr(point)]
    if (at := pointer("gb18030", point)) is not None:
        return bytes([at // 190 + 0x81, at % 190 + (0x40 if at % 190 < 0x3F else 0x41)])
    if point == 0xE7C7:
        at = 7457
    else:
        pairs = indexes()["gb18030-ranges"]
        start, first = max((pair for pair in pairs if pair[1] <= point), key=lambda pair: pair[1])
        at = start + point - first
    lead, at = divmod(at, 12600)
    second, at = divmod(at, 1260)
    return bytes([lead + 0x81, second + 0x30, at // 10 + 0x81, at % 10 + 0x30])


def _encode_gbk(point: int) -> bytes | None:
    if chr(point) == "€":
        return b"\x80"
    found = _encode_gb18030(point)
    return found if found is not None and len(found) == 2 else None


def _encode_big5(point: int) -> bytes | None:
    at = pointer("big5", point)
    if at is None:
        return None
    return bytes([at // 157 + 0x81, at % 157 + (0x40 if at % 157 < 0x3F else 0x62)])


def _encode_euc_kr(point: int) -> bytes | None:
    at = pointer("euc-kr", point)
    return None if at is None else bytes([at // 190 + 0x81, at % 190 + 0x41])


_JAPANESE = {0x2212: 0xFF0D}


def _encode_euc_jp(point: int) -> bytes | None:
    if chr(point) in "¥‾":
        return b"\\" if chr(point) == "¥" else b"~"
    if 0xFF61 <= point <= 0xFF9F:
        return bytes([0x8E, point - 0xFF61 + 0xA1])
    at = pointer("jis0208", _JAPANESE.get(point, point))
    return None if at is None else bytes([at // 94 + 0xA1, at % 94 + 0xA1])


def _encode_shift_jis(point: int) -> bytes | None:
    if chr(point) in "¥‾\x80":
        return {"¥": b"\\", "‾": b"~", "\x80": b"\x80"}[chr(point)]
    if 0xFF61 <= point <= 0xFF9F:
        return bytes([point - 0xFF61 + 0xA1])
    at = pointer("jis0208-shift_jis", _JAPANESE.get(point, point))
    if at is None:
        return None
    lead, trail = divmod(at, 188)
    return bytes([lead + (0x81 if lead < 0x1F else 0xC1), trail + (0x40 if trail < 0x3F else 0x41)])


_ENCODERS: dict[str, Callable[[int], bytes | None]] = {
    "gb18030": _encode_gb18030,
    "gbk": _encode_gbk,
    "big5": _encode_big5,
    "euc-kr": _encode_euc_kr,
    "euc-jp": _encode_euc_jp,
    "shift_jis": _encode_shift_jis,
}
_GB18030_SIDE = {
    character: bytes.fromhex(encoded)
    for character, encoded in zip(
        "\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796"
        "\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864",
        [f"A6{byte:02X}" for byte in (*range(0xD9, 0xE0), 0xEC, 0xED, 0xF3)]
        + ["FE59", "FE61", "FE66", "FE67", "FE6D", "FE7E", "FE90", "FEA0"],
        strict=True,
    )
}
