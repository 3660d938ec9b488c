"""Proxy logins and proxy errors, the same for all engines."""

import base64

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Proxy

WANTS_LOGIN = 407


def refusal(proxy: Proxy, status: int) -> FetchError:
    """Return the error for a proxy that itself responded with ``status``.

    The message names the proxy, never the login. A rejected login is not worth a retry.
    """
    if status == WANTS_LOGIN:
        message = f"the proxy {proxy.place} requires a login or rejected it (407)"
        return FetchError(FailureKind.STATUS, message)
    message = f"the proxy {proxy.place} did not connect ({status})"
    return FetchError(FailureKind.CONNECT, message, connected=True)


def basic(userinfo: str) -> str:
    """Return the value of an Authorization header for ``user:password`` (RFC 7617, UTF-8)."""
    return f"Basic {base64.b64encode(userinfo.encode()).decode('ascii')}"
