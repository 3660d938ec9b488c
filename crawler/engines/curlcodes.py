"""libcurl's error codes (libcurl-errors(3)) in our words."""

import pycurl

from crawler.errors import FetchError, Kind
from crawler.model import Request

_QUIC_CONNECT_ERROR = 96  # pycurl has no name for it
_KINDS = {
    pycurl.E_URL_MALFORMAT: Kind.URL,
    pycurl.E_COULDNT_RESOLVE_HOST: Kind.DNS,
    pycurl.E_COULDNT_CONNECT: Kind.CONNECT,
    pycurl.E_INTERFACE_FAILED: Kind.CONNECT,
    _QUIC_CONNECT_ERROR: Kind.CONNECT,
    pycurl.E_OPERATION_TIMEDOUT: Kind.TIMEOUT,
    pycurl.E_SSL_CONNECT_ERROR: Kind.TLS,
    pycurl.E_PEER_FAILED_VERIFICATION: Kind.TLS,
    pycurl.E_SSL_CERTPROBLEM: Kind.TLS,
    pycurl.E_SSL_CIPHER: Kind.TLS,
    pycurl.E_SSL_CACERT_BADFILE: Kind.TLS,
    pycurl.E_SSL_ISSUER_ERROR: Kind.TLS,
    pycurl.E_SSL_INVALIDCERTSTATUS: Kind.TLS,
    pycurl.E_GOT_NOTHING: Kind.RESET,
    pycurl.E_SEND_ERROR: Kind.RESET,
    pycurl.E_RECV_ERROR: Kind.RESET,
    pycurl.E_PARTIAL_FILE: Kind.TRUNCATED,
    pycurl.E_FILESIZE_EXCEEDED: Kind.TOO_LARGE,
}


def translate(code: int, message: str, request: Request, *, reused: bool = False) -> FetchError:
    """What libcurl said of ``request`` as our error; a code not named here is ``protocol``."""
    kind = _KINDS.get(code, Kind.PROTOCOL)
    # OpenSSL's words for a connection that ended without the closing alert (RFC 8446, 6.1).
    if code == pycurl.E_RECV_ERROR and "unexpected eof" in message:
        kind = Kind.TRUNCATED
    if kind is Kind.TIMEOUT:
        message = f"no whole answer within {request.timeout:g} s"
    return FetchError(kind, message or pycurl.easy_strerror(code), reused=reused)
