"""``--extract FILE``: fields by CSS selector, without a parser function.

The file is TOML, one field per line: ``name = "css selector"`` for the text of the first match, or
``name = { css = "…", attr = "href", all = true }`` for an attribute, or for all matches.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec
from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from crawler.model.errors import UsageError
from crawler.parsing.facts import squeeze


class ExtractRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field: the text (with white space squeezed) or an attribute of the ``css`` matches."""

    name: str
    css: str
    attr: str | None = None
    all: bool = False


def load_rules(path: str | Path) -> tuple[ExtractRule, ...]:
    """Read rules from a file. Raises UsageError, which names the file and the wrong key."""
    import tomllib

    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    return tuple(_rule(path, name, value) for name, value in table.items())


def extract(rules: Iterable[ExtractRule], tree: LexborHTMLParser) -> dict[str, object]:
    """The value of each field by name: a string or None; with ``all`` a list of strings."""
    return {rule.name: _value(rule, tree) for rule in rules}


def _rule(path: str | Path, name: str, value: object) -> ExtractRule:
    options = value if isinstance(value, dict) else {"css": value}
    try:
        if "name" in options:
            raise msgspec.ValidationError("Object contains unknown field `name`")
        rule = msgspec.convert({**options, "name": name}, ExtractRule)
        LexborHTMLParser("").css(rule.css)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {name}: {error}") from error
    except SelectolaxError as error:
        raise UsageError(f"{path}: {name}: invalid CSS selector {rule.css!r}") from error
    return rule


def _value(rule: ExtractRule, tree: LexborHTMLParser) -> object:
    if rule.all:
        return [text for node in tree.css(rule.css) if (text := _read(rule, node)) is not None]
    first = tree.css_first(rule.css)
    return None if first is None else _read(rule, first)


def _read(rule: ExtractRule, node: LexborNode) -> str | None:
    if rule.attr is None:
        return squeeze(node.text())
    # For selectolax's get(), an attribute without a value is None, like a missing attribute.
    return node.attrs.sget(rule.attr) if rule.attr in node.attrs else None
