"""Finds the target of a redirect, and decides whether it may be followed. Pure."""

from crawler.frontier.robots import MAX_REDIRECTS
from crawler.frontier.ticket import EntryTicket, RobotsTicket, Ticket
from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason
from crawler.model.exchange import Response, values_of
from crawler.model.scope import Scope
from crawler.model.urls import Joiner, of_header

MAX_HOPS = 10
STATUSES = frozenset({301, 302, 303, 307, 308})
"""These need a Location (Fetch Standard, "redirect status")."""
_NEVER = frozenset({304, 305, 306})
"""A Location does not say where the page is: it names the page itself, a proxy, or nothing."""


def is_redirect(response: Response) -> bool:
    """Whether the page is elsewhere: the statuses above, and others of 300 with a Location.

    A 300 may name one of its choices (RFC 9110, 15.4.1); an unknown status counts as 300 (15).
    """
    status = response.status
    if not 300 <= status < 400 or status in _NEVER:
        return False
    return status in STATUSES or bool((response.header("location") or "").strip())


def location(response: Response) -> str | None:
    """Return the value of the Location header in ASCII, or None.

    Raises FetchError (protocol) for several different values: clients would disagree about which
    one to use, and browsers and libcurl reject the response.
    """
    found = set(values_of(response.headers, "location"))
    if len(found) > 1:
        raise FetchError(FailureKind.PROTOCOL, "several different Location headers")
    return of_header(found.pop()) if found else None


def target(ticket: Ticket, location: str | None, scope: Scope) -> str:
    """Return the canonical URL of the next hop.

    An input URL may redirect to any URL; a URL from a page must stay in scope at every hop.
    Raises FetchError (redirect) and SkipError (scheme, scope).
    """
    most = MAX_REDIRECTS if isinstance(ticket, RobotsTicket) else MAX_HOPS
    if not location or not location.strip():
        raise FetchError(FailureKind.REDIRECT, "redirect without a location")
    if ticket.hops >= most:
        raise FetchError(FailureKind.REDIRECT, f"more than {most} redirects")
    url = Joiner(ticket.url).join(location)
    if url is None:
        raise SkipError(SkipReason.SCHEME, "redirect to what is not a valid http or https URL")
    entry = ticket.entry if isinstance(ticket, EntryTicket) else None
    if entry is not None and entry.depth and not scope.allows(entry.seed, url):
        raise SkipError(SkipReason.SCOPE, f"redirect out of scope, to {url}")
    return url
