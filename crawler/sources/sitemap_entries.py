"""Finds the locations among the tags of a sitemap, a sitemap index or a feed. Pure."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from crawler.model.urls import MAX_URL_CHARACTERS
from crawler.sources.location import LocationError, atom_link, is_permanent, without_entities
from crawler.sources.markup import CDATA, MAX_NAMES, STRAY, TEXT, Tag


class SitemapFormat(NamedTuple):
    """The elements that have a URL, and the one in each that contains it.

    ``second`` has the URL if ``place`` is missing. With ``has_text`` the other elements of an entry
    have a text, which may contain a ``place`` of something else. With ``has_prefix`` all of them
    are in the namespace of the root.
    """

    entries: tuple[str, ...]
    place: str
    second: str = ""
    has_text: bool = True
    has_prefix: bool = True


_SITEMAP = SitemapFormat(("url", "sitemap"), "loc", has_text=False)
FORMATS = {
    "urlset": _SITEMAP,
    "sitemapindex": _SITEMAP,
    "rss": SitemapFormat(("item",), "link", "guid"),
    "rdf": SitemapFormat(("item",), "link", has_prefix=False),
    "feed": SitemapFormat(("entry",), "link"),
}
"""By the name of the root element. sitemaps.org accepts RSS and Atom, and uses their links."""


class Location(NamedTuple):
    """The text of a ``loc`` in ``line``, or what is ``wrong`` with the entry that has none.

    Nothing is around a text that ``is_clean``.
    """

    text: str
    line: int
    is_sitemap: bool = False
    wrong: str = ""
    is_clean: bool = False


Action = Callable[[Tag, str, int], Location | None]
"""Receives a tag, the text after it and its line; returns a location that ends there."""


class Entries:
    """The entries of a document with this root element. ``actions`` are by the name of the tag,
    None for ``other``; a name that is not there is for ``meet``.

    An entry has a location for each ``place`` that is its child, or one that says what is wrong. A
    tag that is missing or damaged costs its entry at most.
    """

    def __init__(self, root: str, prefix: str, *, is_open: bool = True) -> None:
        self._format = FORMATS.get(root, _SITEMAP)
        self._root = f"{prefix}:{root}" if prefix else root
        self._is_open = is_open
        self._entry = ""
        """Name of the element that is open; empty between entries."""
        self._line = 0
        self._is_taken = False
        self._damage = ""
        self._second = ""
        self._apart = ""
        """Name of an open element that has nothing of its entry; empty outside of one."""
        self._depth = 0
        self._text: list[str] | None = None
        """The text of the place that is open."""
        self._length = 0
        self._broken = ""
        self.actions = self._make_actions(prefix + ":" if prefix else "")

    def _make_actions(self, prefix: str) -> dict[str, Action | None]:
        form = self._format
        prefix = prefix if form.has_prefix else ""
        place, second = prefix + form.place, prefix + form.second
        actions: dict[str, Action | None] = {TEXT.name: self._more, CDATA.name: self._more_cdata}
        for name in form.entries:
            actions |= {prefix + name: self._begin, f"/{prefix}{name}": self._end}
        if form is FORMATS["feed"]:
            actions[place] = self._atom_link
        else:
            actions |= {place: self._open, f"/{place}": self._close}
        if form.second:
            actions |= {second: self._open_second, f"/{second}": self._close_second}
        return actions | {f"/{self._root}": self._end_root}

    def meet(self, name: str) -> Action | None:
        """A name that is not in ``actions``: an entry may have another prefix than the root."""
        prefix, colon, local = name.rpartition(":")
        if local in self._format.entries and not self._entry:
            self.actions.update(self._make_actions(prefix + colon))
            return self.actions.get(name)
        action = self.other if self._format.has_text else None
        if len(self.actions) < MAX_NAMES:
            self.actions[name] = action
        return action

    @property
    def unclosed(self) -> str:
        """What is missing at the end; empty if the root element has ended."""
        if not self._is_open:
            return ""
        lost = f", inside the <{self._entry}> of line {self._line}" if self._entry else ""
        return f"it is cut: </{self._root}> is missing{lost}"

    def at_end(self, line: int) -> Iterator[Location]:
        """What is lost at the end of a document that is not cut."""
        if not self._is_open and (lost := self._finish(line)):
            yield lost

    @property
    def is_reading(self) -> bool:
        """Whether every tag matters now, not only those of ``actions``."""
        return self._text is not None

    def other(self, tag: Tag, _: str, line: int) -> None:
        """A tag of something else; it may be left out if it is simple and not ``is_reading``."""
        if self._text is not None:
            self._broken = self._broken or f"there is a tag in its <{self._format.place}>"
            return
        if tag.name[0] == "/":
            self._leave(tag, "", line)
        elif "xmlns" in tag.attributes or (self._format.has_text and tag is not STRAY):
            self._enter(tag, "", line)
        if not tag.is_whole and not self._damage:
            self._damage = f"the tag <{tag.name[:40]} has no end"
            self._line = self._line or line

    def _enter(self, tag: Tag, _: str, __: int) -> None:
        """An element begins that is of another namespace or has nothing of its entry."""
        if self._entry and not tag.is_empty and self._apart in ("", tag.name):
            self._apart = tag.name
            self._depth += 1
            if not self._format.has_text:  # else all other tags are read
                self.actions[f"/{tag.name}"] = self._leave

    def _leave(self, tag: Tag, _: str, __: int) -> None:
        if tag.name[1:] == self._apart:
            self._depth -= 1
            if not self._depth:
                self._apart = ""

    def _begin(self, tag: Tag, _: str, line: int) -> Location | None:
        lost = self._finish(line)
        self._entry, self._line = tag.name, line
        return lost

    def _end(self, tag: Tag, _: str, line: int) -> Location | None:
        if not (self._entry or self._is_taken or self._damage):
            self._damage, self._line = f"a <{tag.name}> without its start tag", line
        return self._finish(line)

    def _end_root(self, _: Tag, __: str, line: int) -> Location | None:
        self._is_open = False
        return self._finish(line)

    def _finish(self, line: int) -> Location | None:
        """End the entry; returns what is wrong with it."""
        found = self._missing(line)
        self._entry = self._damage = self._second = ""
        self._line = 0
        self._is_taken = False
        self._text = None
        self._apart = ""
        self._depth = 0
        return found

    def _missing(self, line: int) -> Location | None:
        if self._text is not None:
            wrong = self._broken or f"its <{self._format.place}> has no end"
            return Location("".join(self._text), line, wrong=wrong)
        if self._damage:
            return Location("", self._line, wrong=self._damage)
        if not self._entry or self._is_taken:
            return None
        if self._second:
            return Location(self._second, line)
        return Location("", self._line, wrong=f"a <{self._entry}> without <{self._format.place}>")

    def _open(self, tag: Tag, text: str, _: int) -> None:
        if self._apart or tag.is_empty:
            return
        if self._text is not None:
            self._broken = f"its <{self._format.place}> has no end"
        elif self._entry or self._format is _SITEMAP:
            self._text, self._length, self._broken = [], 0, ""
            self._add(text)

    def _close(self, tag: Tag, _: str, line: int) -> Location | None:
        if self._text is None:
            return self._unopened(tag, line)
        text, self._text = "".join(self._text), None
        if self._format.second and not text.strip():
            return None
        if self._broken:
            self._is_taken = True
            return Location(text, line, wrong=self._broken)
        self._is_taken = True
        if not self._entry:
            return Location(text, line, wrong=f"a <{tag.name[1:]}> outside of an entry")
        return Location(text, line, self._entry.endswith("sitemap"))

    def _unopened(self, tag: Tag, line: int) -> Location | None:
        if self._apart or self._format is not _SITEMAP:
            return None
        self._is_taken = True
        return Location("", line, wrong=f"a <{tag.name}> without its start tag")

    def _open_second(self, tag: Tag, text: str, line: int) -> None:
        if self._entry and is_permanent(tag.attributes):
            self._open(tag, text, line)

    def _close_second(self, _: Tag, __: str, ___: int) -> None:
        if self._text is not None:
            self._second = "" if self._broken else "".join(self._text).strip()
            self._text = None

    def _more(self, _: Tag, text: str, __: int) -> None:
        if self._text is not None:
            self._add(text)

    def _more_cdata(self, _: Tag, text: str, __: int) -> None:
        if self._text is not None:
            self._append(text)

    def _add(self, text: str) -> None:
        try:
            self._append(without_entities(text))
        except LocationError as error:
            self._broken = str(error)
            self._append(text)

    def _append(self, text: str) -> None:
        assert self._text is not None
        # Longer text is too long for a URL anyway.
        text = text[: MAX_URL_CHARACTERS * 4 - self._length]
        self._length += len(text)
        self._text.append(text)

    def _atom_link(self, tag: Tag, _: str, line: int) -> Location | None:
        if not self._entry or self._apart:
            return None
        try:
            url = atom_link(tag.attributes)
        except LocationError as error:
            found = Location("", line, wrong=str(error))
        else:
            if url is None:
                return None
            found = Location(url, line)
        self._is_taken = True
        return found
