"""A name server in a process of its own: ``a127-0-2-1.wide.test`` leads to 127.0.2.1, after a time.

``python -m benchmarks.name_server SECONDS``: says its port, serves until its standard input ends.
"""

import asyncio
import socket
import sys
import threading
from typing import cast

import uvloop
from support.names import answer, asked_name

from benchmarks.child import Child

_DOMAIN = ".wide.test"
_BUFFER = 4_000_000
"""Bytes of questions that wait, as far as the system allows: one that is lost costs seconds."""


def name_of(address: str) -> str:
    return f"a{address.replace('.', '-')}{_DOMAIN}"


class NameServer(Child):
    """The server, as a context; each look-up takes ``latency`` seconds."""

    def __init__(self, latency: float) -> None:
        super().__init__("benchmarks.name_server", str(latency))


class _Names(asyncio.DatagramProtocol):
    def __init__(self, latency: float) -> None:
        self._latency = latency

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asyncio.get_running_loop().call_later(self._latency, self._answer, data, addr)

    def _answer(self, message: bytes, client: tuple[str, int]) -> None:
        address = asked_name(message).removesuffix(_DOMAIN)[1:].replace("-", ".")
        self._transport.sendto(answer(message, (address,)), client)


async def _serve(latency: float) -> None:
    loop, until = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(until.set)

    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    sock.bind(("127.0.0.1", 0))
    transport, _ = await loop.create_datagram_endpoint(lambda: _Names(latency), sock=sock)
    sys.stdout.write(f"{transport.get_extra_info('sockname')[1]}\n")
    sys.stdout.flush()
    threading.Thread(target=read, daemon=True).start()
    await until.wait()


if __name__ == "__main__":
    uvloop.run(_serve(float(sys.argv[1])))
