"""Where libcurl keeps TLS sessions, to resume them after a connection was closed.

libcurl separates them by host, port, verification and trusted roots. But a multi handle, like a
share, keeps them for only 25 hosts (curl_easy_setopt(3), CURLOPT_SSL_SESSIONID_CACHE). So there
are many shares, and each host has its place in one of them.

In TLS 1.2 libcurl asks for no tickets: it resumes only what the server has in a cache of its own.
"""

import pycurl

_SHARES = 128
"""128 × 25 hosts: room for 2,000, however they are spread over the shares."""


class SessionShares:
    """The shares of one engine. They must be closed after all handles that used them."""

    def __init__(self) -> None:
        self._shares = [pycurl.CurlShare() for _ in range(_SHARES)]
        for share in self._shares:
            share.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_SSL_SESSION)

    def assign(self, curl: pycurl.Curl, url: str) -> None:
        """Make the next transfer of ``curl``, of ``url``, use the share of its host."""
        if not url.startswith("https:"):
            return
        authority = url.split("/", 3)[2]
        curl.unsetopt(pycurl.SHARE)
        curl.setopt(pycurl.SHARE, self._shares[hash(authority) % _SHARES])

    def close(self) -> None:
        for share in self._shares:
            share.close()
