"""How many entries one host may have. Pure."""

from collections.abc import Mapping


class Quota:
    """Allows at most ``most`` entries per host (None: no limit); ``counts`` has those so far."""

    def __init__(self, most: int | None, counts: Mapping[str, int] | None = None) -> None:
        self._most = most
        self._counts = dict(counts or {})

    def add(self, host: str) -> None:
        """Count one more entry of ``host``."""
        if self._most is not None:
            self._counts[host] = self._counts.get(host, 0) + 1

    def reason(self, host: str) -> str | None:
        """Return why ``host`` may have no more entries, as a text for people, or None."""
        if self._most is None or self._counts.get(host, 0) < self._most:
            return None
        return f"{host} already has {self._most} pages"
