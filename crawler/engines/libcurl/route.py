"""Where libcurl connects to, for the two engines that use it: the endpoint, or a proxy there.

Handles are reused, and an empty list or string does not clear an option. So a direct route unsets
every option that a proxy route sets, and the other way round.
"""

import pycurl

from crawler.model.exchange import Endpoint, Proxy, Request, bracketed

_SCHEMES = {"http": "http", "https": "https", "socks5": "socks5h"}
"""libcurl's scheme names; ``socks5h`` means that the proxy looks up the host name."""
_PROXY_OPTIONS = (pycurl.PROXYUSERNAME, pycurl.PROXYPASSWORD, pycurl.RESOLVE)


class TransferRoute:
    """Where the transfers of one handle connect to. Sets only the options that change."""

    def __init__(self, curl: pycurl.Curl) -> None:
        self._curl = curl
        self._place: tuple[str, int] | None = None
        self._proxy: Proxy | None = None

    def set(self, dial: Endpoint, proxy: Proxy | None) -> None:
        """Connect requests to ``dial``; if ``proxy`` is set, ``dial`` is the proxy's endpoint."""
        place = dial.dial_host, dial.dial_port
        if place == self._place and proxy == self._proxy:
            return
        if proxy is not None:
            self._unset_proxy()
            self._curl.unsetopt(pycurl.CONNECT_TO)
            self._curl.setopt(pycurl.NOPROXY, "")
            _set_proxy(self._curl, dial, proxy)
        else:
            if self._place is None or self._proxy is not None:
                self._unset_proxy()
                self._curl.setopt(pycurl.PROXY, "")
                self._curl.setopt(pycurl.NOPROXY, "*")
            self._curl.setopt(pycurl.CONNECT_TO, [f"::{bracketed(place[0])}:{place[1]}"])
        self._place, self._proxy = place, proxy

    def _unset_proxy(self) -> None:
        for option in _PROXY_OPTIONS:
            self._curl.unsetopt(option)


def shows_tls(request: Request) -> bool:
    """Whether a new connection for ``request`` shows its TLS handshake with the host.

    That is not so inside the TLS of an https proxy.
    """
    is_hidden = request.proxy is not None and request.proxy.scheme == "https"
    return request.url.startswith("https:") and not is_hidden


def _set_proxy(curl: pycurl.Curl, dial: Endpoint, proxy: Proxy) -> None:
    # The name of a proxy is needed only to verify its certificate.
    name = proxy.host if proxy.scheme == "https" else dial.dial_host
    scheme, host, port = _SCHEMES[proxy.scheme], bracketed(name), dial.dial_port
    curl.setopt(pycurl.PROXY, f"{scheme}://{host}:{port}")
    curl.setopt(pycurl.PROXY_SSL_VERIFYPEER, int(proxy.verify))
    curl.setopt(pycurl.PROXY_SSL_VERIFYHOST, 2 if proxy.verify else 0)
    if name != dial.dial_host:
        curl.setopt(pycurl.RESOLVE, [f"{host}:{port}:{dial.dial_host}"])
    if proxy.userinfo is not None:
        user, _, password = proxy.userinfo.encode().partition(b":")
        curl.setopt(pycurl.PROXYUSERNAME, user)
        curl.setopt(pycurl.PROXYPASSWORD, password)
