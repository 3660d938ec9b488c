"""What every engine says to a proxy, and what it means when the proxy refuses."""

import base64

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Proxy

WANTS_LOGIN = 407


def refusal(proxy: Proxy, status: int) -> FetchError:
    """Error for a proxy that answered ``status`` in its own name.

    It names the proxy, and never the login. A login that was refused is not worth another try.
    """
    if status == WANTS_LOGIN:
        message = f"the proxy {proxy.place} wants a login, or another one (407)"
        return FetchError(FailureKind.STATUS, message)
    return FetchError(FailureKind.CONNECT, f"the proxy {proxy.place} made no connection ({status})")


def basic(userinfo: str) -> str:
    """Value of an Authorization header for ``user:password`` (RFC 7617, UTF-8)."""
    return f"Basic {base64.b64encode(userinfo.encode()).decode('ascii')}"
