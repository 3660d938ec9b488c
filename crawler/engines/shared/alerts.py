"""What TLS alerts of a server mean for a client without a certificate (RFC 8446, 6.2)."""

_ABOUT_THE_CLIENT = tuple(
    f"alert {name}"
    for name in (
        "certificate required",  # TLS 1.3: OpenSSL, Go, GnuTLS, rustls
        "bad certificate",  # Go and Java: an empty list of certificates is a bad one
        "unsupported certificate",
        "certificate unknown",
        "access denied",
    )
)
_REFUSED = "alert handshake failure"
"""In TLS 1.2 also the alert for a missing certificate (RFC 5246, 7.4.6)."""
REFUSED_AFTERWARDS = "the server ended TLS after the handshake: it wants a client certificate"


def is_alert(message: str) -> bool:
    """Whether OpenSSL's ``message`` reports an alert of the server."""
    return "SSL routines" in message and " alert " in message


def explained(message: str) -> str:
    """Return ``message``, and whether the server wants a client certificate."""
    if any(alert in message for alert in _ABOUT_THE_CLIENT):
        return f"the server wants a client certificate: {message}"
    if _REFUSED in message:
        return f"the server wants a client certificate or other ciphers: {message}"
    return message
