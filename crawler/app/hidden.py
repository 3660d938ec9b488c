"""The secrets in the settings of a run, which no message and no file may contain."""

import re
from collections.abc import Iterator

from crawler.fetch.headers import parse_header, parse_login
from crawler.fetch.proxy import parse_proxy
from crawler.model.secrets import Secrets
from crawler.settings import Settings

_HARMLESS = frozenset(
    [
        *("accept", "accept-charset", "accept-encoding", "accept-language", "cache-control"),
        *("dnt", "from", "origin", "pragma", "range", "referer", "user-agent"),
        "upgrade-insecure-requests",
    ]
)
"""Headers whose values are no secrets, and too usual to be replaced in every message."""
_SHORTEST_WORD = 8
"""Characters of a word of a header that is hidden by itself: a token, the value of a cookie."""


def secrets_of(settings: Settings) -> Secrets:
    return Secrets(_texts(settings))


def header_names(settings: Settings) -> frozenset[str]:
    """Names, in lower case, of the headers of ``--header``: no file has their values."""
    return frozenset(parse_header(each)[0].lower() for each in settings.header)


def parts_of_login(userinfo: str) -> tuple[str, str]:
    """``user:password`` as a whole, and the password."""
    return userinfo, userinfo.partition(":")[2]


def _texts(settings: Settings) -> Iterator[str]:
    for name, value in map(parse_header, settings.header):
        if name.lower() not in _HARMLESS:
            yield value
            words = re.split(r"[\s;,=]+", value)
            yield from (each for each in words if len(each) >= _SHORTEST_WORD)
    for _, userinfo in map(parse_login, settings.auth):
        yield from parts_of_login(userinfo)
    login = None if settings.proxy is None else parse_proxy(settings.proxy).userinfo
    if login is not None:
        yield from parts_of_login(login)
