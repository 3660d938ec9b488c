"""What a page or its headers say to robots: whether its links may be followed.

The syntax is that of Google's documentation of the robots meta tag and of X-Robots-Tag, the only
one there is.
"""

import re

EVERYONE = frozenset({"robots", "*"})
"""Names by which all robots are addressed: that of the meta tag, and that of robots.txt."""

# Directives with a value that is not for robots: a date, perhaps with a day and a comma; a limit.
_VALUED = re.compile(
    r"unavailable_after\s*:(?:\s*[a-z]+,)?[^,;]*|(?<![\w-])max-[a-z-]+\s*:\s*[^\s,;]*"
)
_WORD = re.compile(r"([^\s,;:]+)(\s*:)?")


def forbids_following(lines: str | None, names: frozenset[str] = frozenset()) -> bool:
    """Whether X-Robots-Tag ``lines``, or the content of a meta tag, have nofollow or none for us.

    ``names`` are ours, in lower case. What follows a name in a line is for that robot, until the
    next name: ``nofollow, otherbot: noindex``. The most restrictive directive of all lines counts.
    """
    text = (lines or "").lower()
    # Usually neither word is there.
    if "nofollow" not in text and "none" not in text:
        return False
    return any(_forbids(line, names | EVERYONE) for line in text.split("\n"))


def _forbids(line: str, names: frozenset[str]) -> bool:
    is_for_us = True
    for word, colon in _WORD.findall(_VALUED.sub("", line) if ":" in line else line):
        if colon:
            is_for_us = word.partition("/")[0] in names
        elif is_for_us and word in ("nofollow", "none"):
            return True
    return False
