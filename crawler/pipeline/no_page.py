"""Decides which complete responses are not the page that was requested. Pure.

Other statuses below 300 are pages: a client takes one that it does not know for a 200 (RFC 9110,
15), and 204 and 205 are pages without content.
"""

import re

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Response, values_of

_PARTIAL, _DELTA, _NOT_MODIFIED, _USE_PROXY = 206, 226, 304, 305
_RANGE = re.compile(r"bytes[ \t]+0-([0-9]{1,18})/([0-9]{1,18})", re.ASCII | re.IGNORECASE)


def why_no_page(response: Response) -> FetchError | None:
    """Return why ``response``, which is not followed as a redirect, is not a page; or None."""
    status = response.status
    if status == _PARTIAL and not _is_whole(response):
        return FetchError(FailureKind.TRUNCATED, "the server answered 206, a part of the page")
    if status == _DELTA or status >= 300:
        return FetchError(
            FailureKind.STATUS, f"the server answered {status}{_SAYS.get(status, '')}"
        )
    return None


def _is_whole(response: Response) -> bool:
    """Whether the Content-Range of a 206 is the whole, and is what came (RFC 9110, 14.4).

    A length of ``*`` does not tell, and neither do several different ranges. A body of several
    parts (15.3.7.2) must not have a Content-Range.
    """
    if (response.header("content-type") or "").lower().startswith("multipart/byteranges"):
        return False
    ranges = set(values_of(response.headers, "content-range"))
    found = _RANGE.fullmatch(ranges.pop()) if len(ranges) == 1 else None
    return found is not None and int(found[1]) + 1 == int(found[2]) == len(response.body)


_SAYS = {
    _DELTA: ", a change to a page that was not requested",  # RFC 3229, 10.4.1
    _NOT_MODIFIED: " to a request without a condition",
    _USE_PROXY: ", use a proxy",
}
