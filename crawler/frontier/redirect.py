"""Where a redirect leads, and whether it may be followed. Pure."""

from crawler.frontier.robots import MAX_REDIRECTS
from crawler.frontier.ticket import EntryTicket, RobotsTicket, Ticket
from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason
from crawler.model.exchange import Response
from crawler.model.scope import Scope
from crawler.model.urls import Joiner

MAX_HOPS = 10
STATUSES = frozenset({301, 302, 303, 307, 308})


def location(response: Response) -> str | None:
    """Where the answer says that it is. Raises FetchError (protocol) where it says several places.

    Who takes the first of them and who takes the last would be at different pages; browsers and
    libcurl take none.
    """
    found = {value for name, value in response.headers if name == "location"}
    if len(found) > 1:
        raise FetchError(FailureKind.PROTOCOL, "several Location headers that differ")
    return next(iter(found), None)


def target(ticket: Ticket, location: str | None, scope: Scope) -> str:
    """The canonical URL of the next hop.

    An input URL may lead anywhere; what was found on a page must stay in scope at every hop.
    Raises FetchError (redirect) and SkipError (scheme, scope).
    """
    most = MAX_REDIRECTS if isinstance(ticket, RobotsTicket) else MAX_HOPS
    if not location or not location.strip():
        raise FetchError(FailureKind.REDIRECT, "a redirect that does not say where to")
    if ticket.hops >= most:
        raise FetchError(FailureKind.REDIRECT, f"more than {most} redirects")
    url = Joiner(ticket.url).join(location.strip())
    if url is None:
        raise SkipError(SkipReason.SCHEME, "redirected to something that is not http or https")
    entry = ticket.entry if isinstance(ticket, EntryTicket) else None
    if entry is not None and entry.depth and not scope.allows(entry.seed, url):
        raise SkipError(SkipReason.SCOPE, f"redirected out of scope, to {url}")
    return url
