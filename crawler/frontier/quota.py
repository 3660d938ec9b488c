"""How many entries one host may have. Pure."""

from collections.abc import Mapping


class Quota:
    """At most ``most`` entries of one host (None: any number); ``counts`` is how many there are."""

    def __init__(self, most: int | None, counts: Mapping[str, int] | None = None) -> None:
        self._most = most
        self._counts = dict(counts or {})

    def add(self, host: str) -> None:
        """``host`` has one entry more."""
        if self._most is not None:
            self._counts[host] = self._counts.get(host, 0) + 1

    def reason(self, host: str) -> str | None:
        """Why ``host`` shall have no further entry, for a person, or None."""
        if self._most is None or self._counts.get(host, 0) < self._most:
            return None
        return f"{host} has {self._most} pages already"
