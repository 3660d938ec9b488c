"""What is read from one document, before its links are judged."""

import msgspec

from crawler.model.pages import PageFields
from crawler.parsing.facts import PageFacts


class Findings(msgspec.Struct, frozen=True, array_like=True):
    """The same for every crawl that reads this document with the same rules.

    ``encoding`` is the character set of a page, None for a document that was not parsed.
    ``fields`` are those of the rules and of the user's function, None without either.
    """

    facts: PageFacts
    encoding: str | None = None
    fields: PageFields | None = None
