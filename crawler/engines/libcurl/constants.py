"""The options of libcurl that are the same for every request."""

import certifi
import pycurl

from crawler.engines.base import KEPT_SECONDS, EngineOptions

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
        (pycurl.CAINFO, options.ca_file or certifi.where()),
        (pycurl.PROXY_CAINFO, options.ca_file or certifi.where()),
        (_SUPPRESS_CONNECT_HEADERS, 1),
    ):
        curl.setopt(option, value)


def limit_connections(multi: pycurl.CurlMulti, options: EngineOptions) -> None:
    """Limit the open connections of ``multi``.

    The total includes those that libcurl is closing: it waits up to 2 s for a TLS closing alert.
    """
    most = max(options.concurrency, options.connections)
    multi.setopt(pycurl.M_MAXCONNECTS, most)
    multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, most)
