"""Translates libcurl's error codes (libcurl-errors(3)) to failure kinds."""

import pycurl

from crawler.engines.shared.alerts import explained, is_alert
from crawler.engines.shared.messages import timed_out
from crawler.model.errors import SILENT, FailureKind, FetchError
from crawler.model.exchange import Request

# pycurl has no names for these three.
_HTTP2_STREAM = 92
_QUIC_CONNECT_ERROR = 96
_PROXY = 97
_HTTP2 = (pycurl.E_HTTP2, _HTTP2_STREAM)
_VIOLATIONS = ("PROTOCOL_ERROR", "FLOW_CONTROL_ERROR", "FRAME_SIZE_ERROR", "COMPRESSION_ERROR")
"""Codes of HTTP/2 with which one end accuses the other (RFC 9113, 7)."""
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

    ``reused`` is whether a kept connection failed before its response, ``answered`` whether a
    part of the response has arrived.
    """
    if code == pycurl.E_SEND_FAIL_REWIND:  # to send a body again, it would have to read it again
        return unanswered(request)
    message = message or pycurl.easy_strerror(code)
    if is_alert(message):
        return FetchError(FailureKind.TLS, explained(message), reused=reused)
    if not message.isprintable():  # it quotes the response
        message = message.encode("unicode_escape").decode()
    if code == pycurl.E_RECV_ERROR:
        kind = _of_receiving(message)
    elif code in _HTTP2:
        kind = _of_http2(message, answered)
        if "by server" in message:  # it chose to reset this stream; its connection is good
            reused, answered = False, True
    else:
        kind = _KINDS.get(code, FailureKind.PROTOCOL)
    if kind is FailureKind.TIMEOUT:
        # A timeout never counts as a failure of a reused connection.
        return FetchError(kind, timed_out(request), answered=answered)
    answered = answered or not _is_silent(kind, message)
    connected = kind is not FailureKind.CONNECT or code == _PROXY
    return FetchError(kind, message, reused=reused, answered=answered, connected=connected)


def unanswered(request: Request) -> FetchError:
    """Return the error for a request that libcurl would send a second time, without any delay.

    It does so after a kept connection died, and after a stream was refused (RFC 9113, 8.7).
    """
    message = "the server ended the exchange without a response"
    reused = not request.fresh and request.is_idempotent
    return FetchError(FailureKind.RESET, message, reused=reused)


def _of_http2(message: str, begun: bool) -> FailureKind:
    """The stream or its connection ended, or the server violated HTTP/2.

    libcurl describes every violation, but has only its own code for a connection that ended.
    """
    ended = (*map(pycurl.easy_strerror, _HTTP2), "reset by", "closed cleanly")
    if any(name in message for name in (*_VIOLATIONS, "Invalid")) or not any(
        words in message for words in ended
    ):
        return FailureKind.PROTOCOL
    return FailureKind.TRUNCATED if begun else FailureKind.RESET


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
