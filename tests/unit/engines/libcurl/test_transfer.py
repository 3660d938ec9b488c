"""Asking the kernel about sockets that libcurl owns."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from crawler.engines.libcurl.sockets import Ends, Sockets
from crawler.engines.shared.opening import Opening


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def connect(stack: ExitStack, host: str, port: int = 0) -> tuple[socket.socket, Ends]:
    """A connection to a server of its own at ``host``, from local ``port``."""
    server = stack.enter_context(socket.create_server((host, 0)))
    client = stack.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.bind(("127.0.0.1", port))
    client.connect(server.getsockname())
    stack.enter_context(server.accept()[0])
    return client, (*client.getsockname(), *client.getpeername())


def register(sockets: Sockets, ends: Ends, fd: int) -> Opening:
    sockets.opened(fd)
    return sockets.connected(ends, fd)


def test_one_local_port_serves_several_hosts(stack: ExitStack) -> None:
    sockets = Sockets()
    one, ends = connect(stack, "127.0.0.1")
    two, others = connect(stack, "127.0.0.2", ends[1])
    assert ends[:2] == others[:2]
    for client, place in ((one, ends), (two, others)):
        waited, _ = register(sockets, place, client.fileno()).waits(60.0, 60.0)
        assert 0 < waited < 60
    one.send(b"x")
    assert sockets.info(ends) is not None
    assert sockets.info(others) is not None
    sockets.close()


def test_a_reused_descriptor_belongs_to_its_new_connection(stack: ExitStack) -> None:
    sockets = Sockets()
    first, ends = connect(stack, "127.0.0.1")
    fd = fcntl.fcntl(first, fcntl.F_DUPFD, 500)
    register(sockets, ends, fd)
    first.close()
    os.close(fd)
    assert sockets.info(ends) is None
    second, others = connect(stack, "127.0.0.1")
    os.dup2(second.fileno(), fd)
    stack.callback(os.close, fd)
    register(sockets, others, fd)
    assert sockets.info(ends) is None
    assert sockets.info(others) is not None
    sockets.close()


def test_a_connection_may_return_with_the_same_ends(stack: ExitStack) -> None:
    sockets = Sockets()
    client, ends = connect(stack, "127.0.0.1")
    twin = client.dup()
    stack.enter_context(twin)
    register(sockets, ends, client.fileno())
    client.close()
    register(sockets, ends, twin.fileno())
    assert sockets.info(ends) is not None
    sockets.close()


def test_closing_the_registry_closes_no_socket(stack: ExitStack) -> None:
    sockets = Sockets()
    client, ends = connect(stack, "127.0.0.1")
    register(sockets, ends, client.fileno())
    sockets.close()
    del sockets
    assert client.send(b"x") == 1
