"""Crawler traps: signs that links continue without end. Pure, picklable.

These rules apply to links only; input URLs are accepted as they are.
"""

import re
from collections import Counter

import msgspec

_PARTS = re.compile("[/?&]")


class Traps(msgspec.Struct, frozen=True):
    """Limits above which a link counts as a trap; None means no limit.

    ``max_url_length`` is in characters. ``max_repeats`` is how often one part may occur: a path
    segment, or ``name=value`` in the query.
    """

    max_url_length: int | None = 2000
    max_repeats: int | None = 4

    def reason(self, url: str) -> str | None:
        """Why the canonical ``url`` is a trap, as text for people, or None."""
        if self.max_url_length is not None and len(url) > self.max_url_length:
            return f"longer than {self.max_url_length} characters"
        if self.max_repeats is not None and self._is_repetitive(url, self.max_repeats):
            return f"the same part occurs more than {self.max_repeats} times"
        return None

    def _is_repetitive(self, url: str, most: int) -> bool:
        if sum(map(url.count, "/?&")) < most + len("///"):
            return False  # most links have few parts: this takes a third of the time
        parts = [part for part in _PARTS.split(url.split("/", 3)[3]) if part]
        if len(parts) - len(set(parts)) < most:
            return False
        return max(Counter(parts).values()) > most
