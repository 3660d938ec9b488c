"""Builds HTML and SVG; all text is escaped."""

import html
import re
from collections.abc import Iterable

_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]"
)
"""Control characters, line separators, direction marks and overrides, surrogates."""
_VOID = {"col", "meta"}

Value = str | int | float | bool | None


class Markup(str):
    """Text that is HTML already. Any other ``str`` is escaped when it becomes part of a page."""

    __slots__ = ()


def visible(text: str) -> str:
    r"""``text`` with its hidden characters written as escapes: ``\u2028``, ``\u0000``."""
    if text.isprintable():  # nearly all are, and no hidden character is
        return text
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def escape(text: str) -> Markup:
    """``text`` for use as a child or as the value of an attribute; Markup is not changed."""
    return text if isinstance(text, Markup) else Markup(html.escape(visible(text)))


def join(children: Iterable[str]) -> Markup:
    """Concatenate ``children``, escaped."""
    return Markup("".join(map(escape, children)))


def element(tag: str, *children: str, **attributes: Value) -> Markup:
    """``<tag class="…">children</tag>``.

    In the names of ``attributes``, ``_`` becomes ``-`` and a trailing ``_`` is dropped
    (``class_``). An attribute that is None or False is omitted; one that is True has no value.
    """
    start = "".join([tag, *(_attribute(name, value) for name, value in attributes.items())])
    return Markup(f"<{start}>" if tag in _VOID else f"<{start}>{join(children)}</{tag}>")


def _attribute(name: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
