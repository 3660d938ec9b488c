"""Big5, EUC-JP, EUC-KR, GBK, gb18030 and Shift_JIS, as the Encoding Standard decodes them.

Python's codecs do the work. Where one stops, one sequence is read as the standard says. Characters
that differ from the standard's are exchanged afterwards.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

BAD = "\ufffd"
CODECS = {
    "big5": "big5hkscs",
    "euc-jp": "euc_jp",
    "euc-kr": "cp949",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
}
"""Python's codec of each of these encodings."""
_MOST_REPAIRS = 100_000
"""In one piece of data; the rest is not text, and Python replaces its bytes in much less time."""

_BIG5 = """
1000㡵𡵓𣚞𦀡㻬𥣞㫵竼龗𤅡𨤍𣇪𠪊𣉞䌊蒄龖鐯䤰蘓墖靊鈘秐稲晠権袝瑌篅枂稬剏遆㓦珄𥶹瓆鿇垳䤯呌䄱𣚎
1044堘穲𧭥讏䚮𦺈䆁𥶙箮𢒼鿈𢓁𢓉𢓌鿉蔄𣖻䂴鿊䓡𪷿拁灮鿋 2082箸 2088簆 2103糎 2114緒 2123縝 2148者
2151耨 2221菁 2239蒨 2244萏 2303覦覩 2354起 2400都 2413銹 2477靜 2498響 2605鼖 2673蔃
2746兙兛兝兞 2771鍮 2780瑹 2990浧 3087禛 3259邗 3301靝 3436瀞 3451嬨 4136爁 4138矗 4141纇 4182駖
4206釔 4220惞 4230澶 4241輶 4258侻 4273營 4279鄄 4282鷰 4294菏 4329尐秣 4349婧 4419輋 4422筑
4494拐 4624恢 4694痹 4708汊 4742鬮 4748鼗 4815僭 4828弌 4902蠏 4922拎 4982瑨 4992煢 4997牐
5432␀␁␂␃␄␅␆␇␈␉␊␋␌␍␎␏␐␑␒␓␔␕␖␗␘␙␚␛␜␝␞␟␡€ 10942廴 10946无 10948癶 10950隶 10957〃仝 19028倩 19035偽
19088包 19096卄 19112卿 19162嘅 19240婷 19299幵 19305廐 19326彘 19355悤 19398撐 19439晴 19454杞
19553沜渝 19557港 19611煮 19643猪 19672瑜 19697瓩 19748砉
"""
"""Characters of the index Big5 that Python does not know, after their first pointer."""
EXCHANGED = {
    "big5": dict(zip("•､‾∼♁☉¥¢£", "‧﹑¯～⊕⊙￥￠￡", strict=True)),
    "euc-jp": dict(zip("〜‖−¢£¬", "～∥－￠￡￢", strict=True)),
    "gb18030": dict(
        zip(
            "\ue5e5\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796"
            "\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864\ue7c7\u1e3f",
            "\u3000\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19"
            "\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9\u9fba\u9fbb\u1e3f\ue7c7",
            strict=True,
        )
    ),
    "shift_jis": dict.fromkeys("\uf8f0\uf8f1\uf8f2\uf8f3", BAD),
}
"""Python's character → the standard's, where Python has it for no other bytes."""
_AMBIGUOUS = {
    "big5": (
        rb"(?s)(?:(?!\xa2[AB])(?:[\x81-\xfe].|.))*+(\xa2[AB])?",
        {b"\xa2A": "∕", b"\xa2B": "﹨"},
    ),
    "euc-jp": (
        rb"(?s)(?:(?!\x8f\xa2\xb7)(?:\x8f[\xa1-\xfe].|[\x8e\x8f\xa1-\xfe].|.))*+(\x8f\xa2\xb7)?",
        {b"\x8f\xa2\xb7": "～"},
    ),
}
"""Bytes whose character in Python is also that of others, and a pattern: whole sequences up to
these bytes. Only so can it be seen that they are not parts of other characters.
"""
_MALFORMED = {
    "euc-jp": rb"\x8f[\xa1-\xfe][\x80-\xff]?|[\x8e\x8f\xa1-\xfe][\x80-\xff]",
    "gb18030": rb"[\x81-\xfe](?:[\x80-\xff]|[0-9](?:[\x81-\xfe](?:[0-9]|\Z)|\Z))",
}
"""What of a malformed sequence becomes one U+FFFD, if that is more than one byte."""
_MALFORMED_PAIR = rb"[\x81-\xfe][\x80-\xff]"


class MultiByteDecoder(codecs.IncrementalDecoder):
    """Encoding Standard, 10 to 13; ``encoding`` is a key of ``CODECS``. Never raises."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        encoding = "gb18030" if encoding == "gbk" else encoding
        self._python = codecs.getincrementaldecoder(CODECS[encoding])(error_handler(encoding))
        self._exchange = exchange(encoding)
        self._ambiguous = _AMBIGUOUS.get(encoding)

    def decode(self, data: "ReadableBuffer", final: bool = False) -> str:
        data = bytes(data)
        if self._ambiguous is None:
            return self._decode(data, final)
        incomplete, _ = self._python.getstate()
        self._python.reset()
        return "".join(self._parts(incomplete + data, final, *self._ambiguous))

    def reset(self) -> None:
        self._python.reset()

    def _decode(self, data: bytes, final: bool) -> str:
        text = self._python.decode(data, final)
        while final and self._python.getstate()[0]:  # after an error in the last bytes
            text += self._python.decode(b"", True)
        return self._exchange(text)

    def _parts(
        self, data: bytes, final: bool, pattern: bytes, ambiguous: dict[bytes, str]
    ) -> Iterator[str]:
        start = 0
        if any(each in data for each in ambiguous):
            for found in re.finditer(pattern, data):
                if found[1]:
                    yield self._decode(data[start : found.start(1)], True)
                    yield ambiguous[found[1]]
                    start = found.end()
        yield self._decode(data[start:] if start else data, final)


@cache
def exchange(encoding: str) -> Callable[[str], str]:
    """Replaces Python's characters by those of the standard."""
    exchanged = EXCHANGED.get(encoding)
    if exchanged is None:
        return str
    characters = re.compile(f"[{''.join(exchanged)}]")
    return lambda text: characters.sub(lambda found: exchanged[found[0]], text)


@cache
def error_handler(encoding: str) -> str:
    """The name of the error handler that reads one sequence where Python's codec stops."""
    codec, unknown = CODECS[encoding], _UNKNOWN.get(encoding)
    malformed = re.compile(_MALFORMED.get(encoding, _MALFORMED_PAIR))

    def handle(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        data, start = error.object, error.start
        # Python raises the same exception for all errors in a piece of data.
        repairs = error.__dict__["repairs"] = error.__dict__.get("repairs", 0) + 1
        if repairs > _MOST_REPAIRS:
            return data[start:].decode(codec, "replace"), len(data)
        sequence = data[start : start + 4]
        if unknown and (character := unknown(sequence[:2])):
            return character, start + (1 if sequence[0] == 0x80 else 2)
        found = malformed.match(sequence)
        return BAD, start + (found.end() if found else 1)

    name = f"crawler.{encoding}"
    codecs.register_error(name, handle)
    return name


def _gb18030(pair: bytes) -> str | None:
    return "€" if pair[0] == 0x80 else None


def _big5(pair: bytes) -> str | None:
    return _big5_only().get(pair)


@cache
def _big5_only() -> dict[bytes, str]:
    return {
        _big5_bytes(int(found[1]) + at): character
        for found in re.finditer(r"(\d+)(\D+?)\s", _BIG5)
        for at, character in enumerate(found[2])
    }


def _big5_bytes(pointer: int) -> bytes:
    lead, trail = divmod(pointer, 157)
    return bytes((lead + 0x81, trail + (0x40 if trail < 0x3F else 0x62)))


def jis0208(pair: bytes) -> str | None:
    """The character of a row and a column of the index jis0208, both with 0xA0 added.

    Python's codec for Shift_JIS has all of them, its codec for EUC-JP does not.
    """
    if len(pair) < 2 or not all(0xA1 <= byte <= 0xFE for byte in pair):
        return None
    row, column = pair[0] - 0xA1, pair[1] - 0xA1
    lead, trail = row // 2, column + row % 2 * 94
    shifted = lead + (0x81 if lead < 0x1F else 0xC1), trail + (0x40 if trail < 0x3F else 0x41)
    try:
        return bytes(shifted).decode("cp932")
    except UnicodeDecodeError:
        return None


_UNKNOWN: dict[str, Callable[[bytes], str | None]] = {
    "big5": _big5,
    "euc-jp": jis0208,
    "gb18030": _gb18030,
}
"""By two bytes, a character that Python does not know: of both, or the euro of 0x80 alone."""
