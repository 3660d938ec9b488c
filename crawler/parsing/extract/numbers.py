"""Numbers as people write them, which depends on the language.

The marks of each language are those of Unicode's CLDR. A number that is not written as its language
says is not a number here: ``1,5`` in English must not become 15.
"""

import math
import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COMMA = _words(
    "af az be bg bs ca cs da de el es et eu fi fr gl hr hu hy id is it ka kk ky lt lv mk nb nl nn "
    "no pl pt ro ru sk sl sq sr sv tr uk uz vi"
)
"""Languages with a decimal comma."""
_POINT = _words("ar bn cy en fa fil ga he hi ja ko ms mt sw ta te th ur zh")
"""Languages with a decimal point, and the other digits and marks of Arabic script."""
_SPACED = _words("af be bg cs et fi fr hu hy ka kk ky lt lv nb nn no pl pt ru sk sq sv uk uz")
"""Languages with a decimal comma in which a space may stand between thousands."""
_REGIONS_WITH_POINT = _words(
    "de-ch de-li it-ch es-419 es-cu es-do es-gt es-hn es-mx es-ni es-pa es-pe es-pr es-sv es-us"
)
_REGIONS_WITH_SPACE = frozenset(["de-at"])
_MARKS = ".,'’٫٬"
_SPACE_BEFORE_THREE = r"|\ (?=\d{3}(?!\d))\d"
_MOST_DIGITS = 20
"""Of a whole number of 64 bits, with its sign."""


class NumberReader:
    """Finds the first number of a text that is written in the language ``locale``.

    ``locale`` is a language like ``de``, or one with a region like ``de-CH``. Raises ValueError if
    the language is not known.
    """

    def __init__(self, locale: str) -> None:
        spelled = locale.replace("_", "-").lower()
        language = spelled.partition("-")[0]
        if language not in _COMMA | _POINT:
            raise ValueError(f"{locale!r} is not a known language, such as en, de or de-CH")
        comma = language in _COMMA and spelled not in _REGIONS_WITH_POINT
        spaced = comma and (language in _SPACED or spelled in _REGIONS_WITH_SPACE)
        groups, decimal = (".'’ ", ",") if comma else (",'’٬", ".٫")
        self._token = _token(spaced=spaced)
        self._form = _form(groups, decimal)
        self._marks = str.maketrans(dict.fromkeys(groups, "") | dict.fromkeys(decimal, "."))

    def float(self, text: str) -> float | None:
        """The first number of ``text``; None without one, or if it is too large."""
        found = self._plain(text)
        number = float(found) if found else math.inf
        return number if math.isfinite(number) else None

    def int(self, text: str) -> int | None:
        """The same for whole numbers of 64 bits; ``3.00`` is one, ``3.5`` is not."""
        whole, _, fraction = (self._plain(text) or "").partition(".")
        if not whole or fraction.strip("0") or len(whole) > _MOST_DIGITS:
            return None
        return whole_of(int(whole))

    def _plain(self, text: str) -> str | None:
        """The first number as Python writes it."""
        token = self._token.search(text)
        if token is None or not self._form.fullmatch(token[2]):
            return None
        found = token[2] if token[2].isascii() else _in_ascii(token[2])
        whole, mark, fraction = found.translate(self._marks).partition(".")
        sign = "-" if token[1] and token[1] != "+" else ""
        return f"{sign}{whole or '0'}{mark}{fraction}"


def whole_of(number: float) -> int | None:
    """``number`` if it is a whole one of 64 bits."""
    return int(number) if number % 1 == 0 and -(2**63) <= number < 2**63 else None


def _token(*, spaced: bool) -> re.Pattern[str]:
    """A sign, and digits with marks: a mark belongs to a number if a digit follows.

    If numbers may be ``spaced``, so does a space if exactly three digits follow.
    """
    space = _SPACE_BEFORE_THREE if spaced else ""
    return re.compile(rf"((?<!\w)[-+−])?((?:(?<!\w)[.,٫])?\d(?:[{_MARKS}]?\d{space})*)")


def _form(groups: str, decimal: str) -> re.Pattern[str]:
    """How a number is written: the thousands apart or not; in India there are groups of two."""
    apart = rf"\d{{1,3}}(?:[{groups}]\d{{2,3}})*[{groups}]\d{{3}}"
    return re.compile(rf"(?:\d+|{apart})?(?:[{decimal}]\d+)?")


def _in_ascii(text: str) -> str:
    """``text`` with the digits of other scripts as those of ASCII."""
    return "".join([str(int(each)) if each.isdecimal() else each for each in text])
