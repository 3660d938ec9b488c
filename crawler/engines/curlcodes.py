"""libcurl's error codes (libcurl-errors(3)) in our words."""

import pycurl

from crawler.engines.bounds import timed_out
from crawler.errors import FetchError, Kind
from crawler.model import Request

_QUIC_CONNECT_ERROR = 96  # pycurl has no name for it
_PROXY = 97  # nor for this
_KINDS = {
    pycurl.E_URL_MALFORMAT: Kind.URL,
    pycurl.E_COULDNT_RESOLVE_HOST: Kind.DNS,
    pycurl.E_COULDNT_RESOLVE_PROXY: Kind.DNS,
    pycurl.E_COULDNT_CONNECT: Kind.CONNECT,
    _PROXY: Kind.CONNECT,
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
    pycurl.E_PARTIAL_FILE: Kind.TRUNCATED,
    pycurl.E_FILESIZE_EXCEEDED: Kind.TOO_LARGE,
}


def translate(code: int, message: str, request: Request, *, reused: bool = False) -> FetchError:
    """What libcurl said of ``request`` as our error; a code not named here is ``protocol``."""
    kind = _of_receiving(message) if code == pycurl.E_RECV_ERROR else _KINDS.get(code)
    if kind is Kind.TIMEOUT:
        # The time is over, whatever the connection was.
        return FetchError(kind, timed_out(request))
    return FetchError(kind or Kind.PROTOCOL, message or pycurl.easy_strerror(code), reused=reused)


def _of_receiving(message: str) -> Kind:
    """Libcurl has one code for all that ends the reading; its words tell more."""
    # OpenSSL's, for a connection that ended without the closing alert (RFC 8446, 6.1).
    if "unexpected eof" in message:
        return Kind.TRUNCATED
    wrong = ("chunk", "hexadecimal", "Too large response headers")
    return Kind.PROTOCOL if any(words in message for words in wrong) else Kind.RESET
