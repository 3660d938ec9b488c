"""Reads a declarative refresh: the content of <meta http-equiv=refresh>, or a Refresh header."""

import re

_SPACE = r"[\t\n\f\r ]*"
_TIME = re.compile(rf"{_SPACE}(?:[0-9]|(?=\.))[0-9.]*(?:\Z|(?=[;,\t\n\f\r ]){_SPACE}[;,]?{_SPACE})")
_URL = re.compile(
    rf"(?:url{_SPACE}={_SPACE})?(?:'([^']*)|\"([^\"]*)|(.*))", re.IGNORECASE | re.ASCII | re.DOTALL
)


def refresh_url(content: str) -> str | None:
    """The URL as it is written in ``content``, ``""`` for the page itself, None if it is invalid.

    These are the *shared declarative refresh steps* of the HTML Standard (4.2.5.3).
    """
    time = _TIME.match(content)
    if time is None:
        return None
    found = _URL.match(content, time.end())
    assert found is not None  # it matches nothing, too
    return found[1] or found[2] or found[3] or ""
