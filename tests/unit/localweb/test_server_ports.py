"""The scripted server: its addresses and ports, and what leaving it reports."""

import gc
import socket
import ssl
import threading
from pathlib import Path

import pytest
from support.sockets import connect, exchange, get, hello

from crawler.testing import Answer, Seen, Server


def test_all_addresses_share_a_port() -> None:
    addresses = ("127.0.0.1", "127.0.0.2", "127.10.0.1")
    with Server(hello, addresses=addresses) as server:
        for address in addresses:
            with connect(server, address=address) as sock:
                sock.sendall(get("/"))
                sock.recv(1)
    assert [seen.local for seen in server.seen] == [(a, server.port) for a in addresses]


def test_a_server_knows_its_urls(server_tls: ssl.SSLContext) -> None:
    with Server(hello) as plain, Server(hello, tls=server_tls) as secure:
        assert plain.url() == f"http://127.0.0.1:{plain.port}/"
        assert plain.url("/a", "b.test") == f"http://b.test:{plain.port}/a"
        assert secure.url().startswith("https://")


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="no IPv6 on this machine")
def test_an_ipv6_address_can_be_served() -> None:
    with Server(hello, addresses=("::1",)) as server:
        assert server.url() == f"http://[::1]:{server.port}/"
        with connect(server, address="::1") as sock:
            sock.sendall(get("/"))
            assert sock.recv(1)
    assert [seen.local for seen in server.seen] == [("::1", server.port)]


def test_a_port_in_use_is_an_error() -> None:
    with Server(hello) as server, pytest.raises(OSError, match="in use"):
        Server(hello, port=server.port).__enter__()


def test_without_accept_connecting_waits() -> None:
    with Server(hello, accept=False) as server, pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", server.port), timeout=0.5)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


@pytest.mark.parametrize("error", [LookupError("no answer"), TimeoutError("no answer")])
def test_handler_errors_are_raised_on_leaving(error: Exception) -> None:
    def broken(_: Seen) -> Answer:
        raise error

    with pytest.raises(type(error), match="no answer"), Server(broken) as server:
        assert exchange(server, get("/")) == b""


def test_a_closed_server_leaves_nothing() -> None:
    threads = threading.active_count()
    asked = threading.Event()

    def handler(_: Seen) -> Answer:
        asked.set()
        return Answer(latency=3600)

    with Server(handler) as server:
        waiting = socket.create_connection(("127.0.0.1", server.port))
        waiting.sendall(get("/"))
        assert asked.wait(60)
    assert threading.active_count() == threads
    with waiting:
        assert waiting.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))
    del server
    gc.collect()  # a socket that was left open would warn now, and warnings are errors
