"""CONNECT on a blocking socket (RFC 9110, 9.3.6), like http.client, but with a size limit."""

import re
import socket

from crawler.engines.base import MAX_HEADER_BYTES
from crawler.engines.shared.messages import HEADERS_TOO_LARGE
from crawler.engines.shared.proxying import basic, refusal
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Proxy

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_END = b"\r\n\r\n"
_READ_BYTES = 4096


def open_tunnel(sock: socket.socket, place: str, proxy: Proxy) -> None:
    """Make ``proxy``, at the other end of ``sock``, connect to ``place`` (``host:port``).

    Raises FetchError, and OSError if the socket fails.
    """
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.userinfo is not None:
        lines.append(f"Proxy-Authorization: {basic(proxy.userinfo)}")
    sock.sendall("\r\n".join((*lines, "", "")).encode("ascii"))
    head = _read_head(sock)
    status = _STATUS.match(head)
    if status is None:
        raise FetchError(FailureKind.PROTOCOL, f"the proxy {proxy.place} sent no HTTP/1 response")
    if not status[1].startswith(b"2"):
        raise refusal(proxy, int(status[1]))
    if not head.endswith(_END):
        raise FetchError(
            FailureKind.PROTOCOL, f"the proxy {proxy.place} sent bytes after its response"
        )


def _read_head(sock: socket.socket) -> bytes:
    head = b""
    while _END not in head:
        piece = sock.recv(_READ_BYTES)
        if not piece:
            raise ConnectionResetError("the proxy closed the connection")
        head += piece
        if len(head) > MAX_HEADER_BYTES:
            raise FetchError(FailureKind.PROTOCOL, HEADERS_TOO_LARGE)
    return head
