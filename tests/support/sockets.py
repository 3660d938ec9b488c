"""Plain requests to a scripted server, over a socket."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from crawler.testing import Answer, Seen, Server


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


@contextmanager
def connect(
    server: Server, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1"
) -> Iterator[socket.socket]:
    with socket.create_connection((address, server.port)) as sock:
        if tls is None:
            yield sock
            return
        with tls.wrap_socket(
            sock, server_hostname="127.0.0.1", suppress_ragged_eofs=False
        ) as wrapped:
            yield wrapped


def get(*targets: str, extra: str = "") -> bytes:
    return "".join(f"GET {t} HTTP/1.1\r\nHost: a.test\r\n{extra}\r\n" for t in targets).encode()


def exchange(server: Server, request: bytes) -> bytes:
    with connect(server) as sock:
        sock.sendall(request)
        return read_all(sock)


def hello(seen: Seen) -> Answer:
    return Answer(body=f"hello {seen.target}".encode())
