"""Translates the errors of http.client, ssl and sockets."""

import http.client
import ssl
import urllib.error

from crawler.engines.shared.alerts import explained
from crawler.engines.urllib.stream import HttpStream, Phase
from crawler.model.errors import SILENT, FailureKind, FetchError


def translate(error: Exception, stream: HttpStream) -> FetchError:
    """Return the failure of a fetch on ``stream`` for an error of http.client or of its socket."""
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        error = error.reason
    endpoint = stream.request.endpoint
    where = f"{stream.phase} ({endpoint.dial_host} port {endpoint.dial_port})"
    kind = _kind(error, stream)
    answered = _is_answered(kind, error, stream)
    message = f"{where}: {_reason(error)}"
    return FetchError(
        kind,
        message,
        reused=stream.is_reused and not stream.received and stream.request.is_idempotent,
        answered=answered,
        connected=stream.is_connected,
    )


def _is_answered(kind: FailureKind, error: Exception, stream: HttpStream) -> bool:
    """Whether something came from the host. A handshake that was cut is not an answer."""
    if kind is FailureKind.TLS:
        return isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError)
    return stream.received > 0 or kind not in SILENT


def _kind(error: Exception, stream: HttpStream) -> FailureKind:
    if isinstance(error, TimeoutError):
        return FailureKind.TIMEOUT
    if isinstance(error, http.client.IncompleteRead):
        return FailureKind.TRUNCATED if stream.eof else FailureKind.PROTOCOL
    if not isinstance(error, OSError):
        return FailureKind.PROTOCOL
    if stream.phase == Phase.CONNECT:
        return FailureKind.CONNECT
    if isinstance(error, ssl.SSLEOFError | http.client.RemoteDisconnected) and stream.received:
        return FailureKind.TRUNCATED
    if stream.phase == Phase.HANDSHAKE or (
        isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError)
    ):
        return FailureKind.TLS
    return FailureKind.RESET


def _reason(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"certificate rejected: {error.verify_message}"
        case http.client.RemoteDisconnected() | ssl.SSLEOFError():
            return "the server closed the connection"
        case ssl.SSLError():
            return explained((error.reason or "TLS error").lower().replace("_", " "))
        case OSError():
            return error.strerror or str(error)
        case http.client.BadStatusLine() | http.client.UnknownProtocol():
            return f"not an HTTP/1 response: {str(error)[:60]!r}"
        case http.client.IncompleteRead():
            return "the chunked body is incomplete or malformed"
    return str(error)
