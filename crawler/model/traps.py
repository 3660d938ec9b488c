"""Links that lead on without end: what gives them away. Pure, picklable.

It is said of links alone; what the input names is taken as it is.
"""

import re
from collections import Counter

import msgspec

_PARTS = re.compile("[/?&]")


class Traps(msgspec.Struct, frozen=True):
    """Bounds past which a link is taken for a trap; None: no bound.

    ``max_url_length`` is in characters; a part is a segment of the path or ``name=value`` in the
    query.
    """

    max_url_length: int | None = 2000
    max_repeats: int | None = 4

    def reason(self, url: str) -> str | None:
        """Why the canonical ``url`` is a trap, for a person, or None."""
        if self.max_url_length is not None and len(url) > self.max_url_length:
            return f"longer than {self.max_url_length} characters"
        if self.max_repeats is not None and self._is_repetitive(url, self.max_repeats):
            return f"more than {self.max_repeats} times the same part"
        return None

    def _is_repetitive(self, url: str, most: int) -> bool:
        parts = [part for part in _PARTS.split(url.split("/", 3)[3]) if part]
        if len(parts) - len(set(parts)) < most:
            return False
        return max(Counter(parts).values()) > most
