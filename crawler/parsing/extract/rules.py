"""What a file of rules says, as records."""

from typing import Literal

import msgspec

FieldType = Literal["text", "int", "float", "date", "url", "json"]


class ExtractRule(msgspec.Struct, frozen=True):
    """How to find the value of the field ``name``.

    The value is that of one kind: the elements that match the selector ``css`` (their text, or the
    attribute ``attr``; without ``css``, the attribute of the record itself), the path ``jsonld``
    into JSON-LD, the <meta> with the name or property ``meta``, or, with ``regex`` alone, the
    source of the page. With ``all``, the values of all matches are a list, otherwise the first
    match decides.

    ``regex`` is searched in the text; its first group is the value, or else all that it matches.
    Then the text is converted to ``type``: ``locale`` says how numbers are written, ``format``
    how dates are (as for ``strptime``). ``default`` replaces a value that is missing; a page
    without a value that is ``required`` is a failure.
    """

    name: str
    css: str | None = None
    attr: str | None = None
    all: bool = False
    jsonld: str | None = None
    meta: str | None = None
    regex: str | None = None
    type: FieldType = "text"
    locale: str = "en"
    format: str | None = None
    default: object = None
    required: bool = False

    @property
    def source(self) -> str:
        """Where the value is searched, as the file says it."""
        for kind in ("css", "jsonld", "meta", "attr", "regex"):
            if (value := getattr(self, kind)) is not None:
                return f"{kind} {value}"
        return ""


class PageRules(msgspec.Struct, frozen=True):
    """The rules for pages whose final URL matches ``url``, a regular expression; None: all pages.

    With ``each``, a CSS selector, every element that matches is a record with these ``fields``.
    """

    fields: tuple[ExtractRule, ...]
    url: str | None = None
    each: str | None = None


class ExtractRules(msgspec.Struct, frozen=True):
    """A file of rules: the ``fields`` of every page, and those of some ``pages``.

    A page has the rules of the first of ``pages`` that matches, and of ``fields`` those that have
    another name. ``fields`` are read from the whole page, for each of its records.
    """

    fields: tuple[ExtractRule, ...] = ()
    pages: tuple[PageRules, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all fields, each once, in the order of the file."""
        several = (self.fields, *(each.fields for each in self.pages))
        return tuple(dict.fromkeys(rule.name for rules in several for rule in rules))

    @property
    def several(self) -> bool:
        """Whether a page may have several records."""
        return any(each.each is not None for each in self.pages)
