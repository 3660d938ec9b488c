"""Translates libcurl's error codes (libcurl-errors(3)) to failure kinds."""

import pycurl

from crawler.engines.shared.messages import timed_out
from crawler.model.errors import SILENT, FailureKind, FetchError
from crawler.model.exchange import Request

# pycurl has no names for these two.
_QUIC_CONNECT_ERROR = 96
_PROXY = 97
_KINDS = {
    pycurl.E_URL_MALFORMAT: FailureKind.URL,
    pycurl.E_COULDNT_RESOLVE_HOST: FailureKind.DNS,
    pycurl.E_COULDNT_RESOLVE_PROXY: FailureKind.DNS,
    pycurl.E_COULDNT_CONNECT: FailureKind.CONNECT,
    _PROXY: FailureKind.CONNECT,
    pycurl.E_INTERFACE_FAILED: FailureKind.CONNECT,
    _QUIC_CONNECT_ERROR: FailureKind.CONNECT,
    pycurl.E_OPERATION_TIMEDOUT: FailureKind.TIMEOUT,
    pycurl.E_SSL_CONNECT_ERROR: FailureKind.TLS,
    pycurl.E_PEER_FAILED_VERIFICATION: FailureKind.TLS,
    pycurl.E_SSL_CERTPROBLEM: FailureKind.TLS,
    pycurl.E_SSL_CIPHER: FailureKind.TLS,
    pycurl.E_SSL_CACERT_BADFILE: FailureKind.TLS,
    pycurl.E_SSL_ISSUER_ERROR: FailureKind.TLS,
    pycurl.E_SSL_INVALIDCERTSTATUS: FailureKind.TLS,
    pycurl.E_GOT_NOTHING: FailureKind.RESET,
    pycurl.E_SEND_ERROR: FailureKind.RESET,
    pycurl.E_PARTIAL_FILE: FailureKind.TRUNCATED,
    pycurl.E_FILESIZE_EXCEEDED: FailureKind.TOO_LARGE,
}

_CUT = ("unexpected eof", "SSL_ERROR_SYSCALL", "Connection reset")


def translate(
    code: int, message: str, request: Request, *, reused: bool = False, answered: bool = False
) -> FetchError:
    """Translate libcurl's ``code`` for ``request``; an unlisted code becomes ``protocol``.

    ``answered``: a part of the response had come.
    """
    kind = _of_receiving(message) if code == pycurl.E_RECV_ERROR else _KINDS.get(code)
    if kind is FailureKind.TIMEOUT:
        # A timeout never counts as a failure of a reused connection.
        return FetchError(kind, timed_out(request), answered=answered)
    return FetchError(
        kind or FailureKind.PROTOCOL,
        message or pycurl.easy_strerror(code),
        reused=reused,
        answered=answered or not _is_silent(kind, message),
    )


def _is_silent(kind: FailureKind | None, message: str) -> bool:
    """Whether a failure before the first byte of the response means that nothing came."""
    if kind is FailureKind.TLS:  # the handshake was cut, which is not a rejected certificate
        return any(words in message for words in _CUT)
    return kind in SILENT or kind is FailureKind.TRUNCATED


def _of_receiving(message: str) -> FailureKind:
    """Libcurl has one code for every receive error; only its message tells them apart."""
    # OpenSSL's text for a connection that ended without a closing alert (RFC 8446, 6.1).
    if "unexpected eof" in message:
        return FailureKind.TRUNCATED
    protocol = ("chunk", "hexadecimal", "Too large response headers")
    malformed = any(words in message for words in protocol)
    return FailureKind.PROTOCOL if malformed else FailureKind.RESET
