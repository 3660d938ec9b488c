"""All options together, not yet checked.

Each heading of the help is a file with one struct. A msgspec Struct has at most one base with
fields, so the structs form a chain in the order of the help: every struct inherits from the one
before it, and the last one has all options.
"""

from crawler.settings.archive import ArchiveFields


class Fields(ArchiveFields, frozen=True, kw_only=True):
    """Every option, and what follows from options under several headings."""

    @property
    def in_levels(self) -> bool:
        """Whether a page waits until all pages with fewer links from the input are done."""
        return self.follow and self.seed is not None
