"""A suggestion for a name that does not exist."""

from collections.abc import Iterable


def nearest(given: str, known: Iterable[str], prefix: str = "") -> str:
    """Return ``; did you mean …?`` with ``prefix`` and the most similar name, or no text."""
    from difflib import get_close_matches

    near = get_close_matches(given, known, n=1)
    return f"; did you mean {prefix}{near[0]}?" if near else ""
