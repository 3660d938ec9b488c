"""The options of libcurl that are the same for every request."""

import re
from collections.abc import Iterator

import certifi
import pycurl

from crawler.engines.base import KEPT_SECONDS, EngineOptions

_GROUPS = "X25519:P-256:P-384:P-521"
"""Key exchanges. OpenSSL itself would also make a key of ML-KEM for each handshake, which costs
more than all of X25519, and which few servers use.
"""
_ON_DEMAND = ":?X25519MLKEM768"
"""A key exchange for servers that accept nothing else: they have to ask for it. OpenSSL up to 3.2
knows neither this one nor the question mark.
"""
_CIPHERS = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
"""Of TLS 1.3. SHA-256 is quicker than the SHA-384 that OpenSSL would choose: processors have it."""
_OPENSSL = re.search(r"OpenSSL/(\d+)\.(\d+)", pycurl.version)
_SUPPRESS_CONNECT_HEADERS = 265  # pycurl has no name for it


def set_constants(curl: pycurl.Curl, options: EngineOptions) -> None:
    """Set the options that are the same for every request: no automatic behaviour."""
    version = pycurl.CURL_HTTP_VERSION_2TLS if options.http2 else pycurl.CURL_HTTP_VERSION_1_1
    for option, value in (
        (pycurl.HTTP_VERSION, version),
        (pycurl.PATH_AS_IS, 1),
        (pycurl.HTTP_CONTENT_DECODING, 0),
        (pycurl.NOSIGNAL, 1),
        (pycurl.MAXAGE_CONN, int(KEPT_SECONDS)),
        (pycurl.BUFFERSIZE, 64 * 1024),  # with 16 KB, large pages come in four times as many calls
        # It gets only addresses; with a cache it would search all entries for every connection.
        (pycurl.DNS_CACHE_TIMEOUT, 0),
        *_handshake(),
        (pycurl.CAINFO, options.ca_file or certifi.where()),
        (pycurl.PROXY_CAINFO, options.ca_file or certifi.where()),
        (_SUPPRESS_CONNECT_HEADERS, 1),
    ):
        curl.setopt(option, value)


def _handshake() -> Iterator[tuple[int, str]]:
    """What makes a TLS handshake cheaper. Other libraries than OpenSSL choose for themselves."""
    if _OPENSSL is not None:
        is_new = (int(_OPENSSL[1]), int(_OPENSSL[2])) >= (3, 3)
        yield pycurl.SSL_EC_CURVES, _GROUPS + (_ON_DEMAND if is_new else "")
        yield pycurl.TLS13_CIPHERS, _CIPHERS


def limit_connections(multi: pycurl.CurlMulti, options: EngineOptions) -> None:
    """Limit the open connections of ``multi``.

    The total includes those that libcurl is closing: it waits up to 2 s for a TLS closing alert.
    """
    most = max(options.concurrency, options.connections)
    multi.setopt(pycurl.M_MAXCONNECTS, most)
    multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, most)
