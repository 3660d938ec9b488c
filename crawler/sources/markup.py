"""XML as it is found on the web: everything that can be understood is returned, and nothing fails.

Entities are not expanded, document types are skipped, and no other file is opened. Time is linear
in the size of the text, memory is bounded.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from crawler.model.errors import FailureKind, FetchError

MAX_TAGS = 5_000_000
"""Of a text. Each costs about a microsecond; 50 MB of a real sitemap have far fewer."""
MAX_DAMAGED = 100_000
"""Tags of a text without ``>``, and other ``<``."""
_LONGEST = 1 << 17
_TAIL = 1 << 12
MAX_NAMES = 1000
_LONGEST_NAME = 100
_NAME = re.compile(r"/?[^\W\d]|/?:")
"""What follows a ``<`` that is not just text."""
_QUOTING = re.compile(r"""[^>"']*(?:"[^"]*"[^>"']*|'[^']*'[^>"']*)*>""")
_CONSTRUCT = re.compile(r"!--|!\[CDATA\[|!DOCTYPE", re.IGNORECASE)
_END = {
    "!--": re.compile("-->"),
    "![CDATA[": re.compile(r"\]\]>"),
    "!DOCTYPE": re.compile(">"),
}
_SUBSET_END = re.compile(r"\]\s*>")


class Tag(NamedTuple):
    """A tag with its name in lower case; that of an end tag begins with ``/``.

    ``is_whole`` is False if the tag has no ``>``. ``TEXT`` and ``CDATA`` are no tags: text that
    follows a comment or the like, and text without entities. ``STRAY`` is a ``<`` in a text.
    """

    name: str
    attributes: str = ""
    is_empty: bool = False
    is_whole: bool = True


TEXT = Tag("#text")
CDATA = Tag("#cdata")
STRAY = Tag("#stray")


class TagReader:
    """Iterates over the tags of ``pieces`` (a text), each with the text after it.

    ``line`` is the line of the last tag, from 1. At the end ``unclosed`` names a comment, CDATA
    section or document type that has no end, with its line; else it is empty. Iteration raises
    FetchError: kind ``too_large`` for more than ``MAX_TAGS``, ``parse`` for too much damage.
    """

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = pieces
        self._known: dict[str, Tag] = {}
        self._damaged = 0
        self.line = 1
        self.unclosed = ""

    def __iter__(self) -> Iterator[tuple[Tag, str]]:
        known, chunks = self._known, self._chunks()
        self.line += next(chunks).count("\n")
        for chunk in chunks:
            head, end, text = chunk.partition(">")
            tag = known.get(head)
            if tag is not None:
                yield tag, text
            elif _NAME.match(chunk):
                yield self._tag(chunk)
            elif chunk.startswith("?") and end:
                yield TEXT, text
            elif construct := _CONSTRUCT.match(chunk):
                yield from self._construct(construct[0].upper(), chunk, chunks)
                continue
            else:
                self._note_damage()
                yield STRAY, chunk
            self.line += chunk.count("\n")

    def _chunks(self) -> Iterator[str]:
        """What is between two ``<``; the first chunk is what is before the first one."""
        rest, count = "", 0
        for piece in self._pieces:
            chunks = (rest + piece).split("<")
            rest = chunks.pop()
            count += len(chunks)
            if count > MAX_TAGS:
                raise FetchError(
                    FailureKind.TOO_LARGE, f"more than {MAX_TAGS:,} tags; the rest is not read"
                )
            if len(rest) > _LONGEST:  # no tag and no URL is so long: its middle is not needed
                rest = rest[: _LONGEST - _TAIL] + rest[-_TAIL:]
            yield from chunks
        yield rest

    def _tag(self, chunk: str) -> tuple[Tag, str]:
        head, end, text = chunk.partition(">")
        if head.count('"') % 2 or head.count("'") % 2:
            quoting = _QUOTING.match(chunk)
            if quoting is not None:
                head, text = quoting[0][:-1], chunk[quoting.end() :]
        if not end:
            self._note_damage()
        tag = _parse(head, is_whole=bool(end))
        is_simple = end and not tag.attributes and len(head) <= _LONGEST_NAME
        if is_simple and len(self._known) < MAX_NAMES:
            self._known[head] = tag
        return tag, text

    def _note_damage(self) -> None:
        self._damaged += 1
        if self._damaged > MAX_DAMAGED:
            message = f"more than {MAX_DAMAGED:,} damaged tags; the rest is not read"
            raise FetchError(FailureKind.PARSE, message)

    def _construct(
        self, opening: str, chunk: str, chunks: Iterator[str]
    ) -> Iterator[tuple[Tag, str]]:
        """A comment, a CDATA section or a document type, which may contain ``<``."""
        self.unclosed = f"the <{opening} of line {self.line} has no end"
        closing, is_cdata = _END[opening], opening == "![CDATA["
        if opening == "!DOCTYPE" and "[" in chunk.partition(">")[0]:
            closing = _SUBSET_END
        content = chunk[len(opening) :]
        while (end := closing.search(content)) is None:
            if is_cdata:
                yield CDATA, content
            self.line += content.count("\n")
            following = next(chunks, None)
            if following is None:
                return
            content = "<" + following
        self.unclosed = ""
        if is_cdata:
            yield CDATA, content[: end.start()]
        yield TEXT, content[end.end() :]
        self.line += content.count("\n")


def _parse(head: str, *, is_whole: bool) -> Tag:
    is_empty = head.endswith("/")
    name, *attributes = (head[:-1] if is_empty else head).split(None, 1)
    return Tag(name.lower(), attributes[0] if attributes else "", is_empty, is_whole)
