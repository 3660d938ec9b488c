"""CONNECT on a blocking socket (RFC 9110, 9.3.6): what http.client does, but bounded."""

import re
import socket

from crawler.engines.base import MAX_HEADER_BYTES
from crawler.engines.shared.proxying import basic, refusal
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Proxy

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_END = b"\r\n\r\n"
_READ_BYTES = 4096


def open_tunnel(sock: socket.socket, place: str, proxy: Proxy) -> None:
    """Have ``proxy``, at the other end of ``sock``, connect it to ``place`` (``host:port``).

    Raises FetchError, and OSError for what goes wrong with the socket.
    """
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.userinfo is not None:
        lines.append(f"Proxy-Authorization: {basic(proxy.userinfo)}")
    sock.sendall("\r\n".join((*lines, "", "")).encode("ascii"))
    head = _read_head(sock)
    status = _STATUS.match(head)
    if status is None:
        raise FetchError(FailureKind.PROTOCOL, f"the proxy {proxy.place} gave no HTTP/1 answer")
    if not status[1].startswith(b"2"):
        raise refusal(proxy, int(status[1]))
    if not head.endswith(_END):
        raise FetchError(
            FailureKind.PROTOCOL, f"the proxy {proxy.place} spoke before it was spoken to"
        )


def _read_head(sock: socket.socket) -> bytes:
    head = b""
    while _END not in head:
        piece = sock.recv(_READ_BYTES)
        if not piece:
            raise ConnectionResetError("the proxy ended the connection")
        head += piece
        if len(head) > MAX_HEADER_BYTES:
            raise FetchError(FailureKind.PROTOCOL, f"over {MAX_HEADER_BYTES:,} bytes of headers")
    return head
