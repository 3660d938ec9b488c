"""Numbers formatted for people."""

from datetime import UTC, datetime
from functools import lru_cache


def count(n: int, noun: str, plural: str | None = None) -> str:
    """``1 page``, ``10,412 pages``."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def percent(share: float) -> str:
    """``41 %``; only exact 0 and 1 become ``0 %`` and ``100 %``."""
    if 0 < share <= 0.005:
        return "<1 %"
    if 0.995 <= share < 1:
        return ">99 %"
    return f"{share:.0%}".replace("%", " %")


def figure(value: float) -> str:
    """Two significant digits, but never fewer than all integer digits: 0.042, 1.2, 45, 1,234."""
    if value == 0:
        return "0"
    if abs(value) >= 9.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 0.995 else f"{value:.2g}"


def seconds(value: float) -> str:
    """``0.4 ms``, ``48 ms``, ``9.1 s``, ``6 min 52 s``, ``3 h 12 min``, ``2 d 4 h``."""
    if value < 0.9995:
        return f"{figure(round(value * 1e3, 2))} ms" if value else "0 s"
    if value < 99.5:
        return f"{value:.0f} s" if value >= 59.95 or value == round(value) else f"{value:.1f} s"
    whole = round(value)
    for big, size, small, unit in (("d", 86400, "h", 3600), ("h", 3600, "min", 60)):
        if whole >= size:
            return _two(whole, big, size, small, unit)
    return _two(whole, "min", 60, "s", 1)


def _two(whole: int, big: str, size: int, small: str, unit: int) -> str:
    rest = whole % size // unit
    return f"{whole // size} {big} {rest} {small}" if rest else f"{whole // size} {big}"


def size(bytes_: float) -> str:
    """``1 byte``, ``61 kB``, ``1.2 GB``: powers of 1,000."""
    if bytes_ < 999.5:
        return count(round(bytes_), "byte")
    for unit in ("kB", "MB", "GB"):
        bytes_ /= 1e3
        if bytes_ < 999.5:
            return f"{figure(bytes_)} {unit}"
    return f"{figure(bytes_ / 1e3)} TB"


@lru_cache(maxsize=2)
def timestamp(seconds: int) -> str:
    """Unix time as ISO 8601 in UTC. It is made once a second, not once a page."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def utc_now() -> datetime:
    """The time of day, in UTC."""
    return datetime.now(UTC)
