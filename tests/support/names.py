"""A name server in a thread of this process: each name has the addresses that a test gives it."""

import asyncio
import socket
import threading
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, ip_address
from typing import Self

from crawler.fetch.addresses import Addresses
from crawler.fetch.lookup import NameServers
from crawler.fetch.network import SystemNetwork
from crawler.model.errors import FetchError

_QUESTION = 12
"""Offset of the question in a DNS message (RFC 1035, 4.1)."""
_A, _AAAA = 1, 28
_TTL = (60).to_bytes(4)
_POLL = 0.05


class NamesServer:
    """Answers questions for A and AAAA by UDP; a context manager. ``asked`` are the names."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        self.names = dict(names)
        self.asked: list[str] = []
        self._stop = threading.Event()

    @property
    def network(self) -> SystemNetwork:
        """The real network with this server as its only name server."""
        return SystemNetwork((f"127.0.0.1:{self._sock.getsockname()[1]}",))

    def __enter__(self) -> Self:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self._sock.settimeout(_POLL)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._sock.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                message, client = self._sock.recvfrom(600)
            except TimeoutError:
                continue
            self._sock.sendto(self._answer(message), client)

    def _answer(self, message: bytes) -> bytes:
        name = asked_name(message)
        self.asked.append(name)
        return answer(message, self.names.get(name, ()))


async def looked_up(servers: NameServers, host: str) -> Addresses | FetchError:
    """What ``servers`` tell of ``host``."""
    told: asyncio.Future[Addresses | FetchError] = asyncio.get_running_loop().create_future()
    servers.ask(host, told.set_result)
    return await told


def answer(message: bytes, addresses: Sequence[str]) -> bytes:
    """The answer to a question for A or AAAA about a name that has these ``addresses``."""
    end = message.index(b"\0", _QUESTION) + 5
    question, kind = message[_QUESTION:end], int.from_bytes(message[end - 4 : end - 2])
    found = [ip_address(each) for each in addresses]
    records = [
        b"\xc0\x0c" + kind.to_bytes(2) + b"\0\1" + _TTL + len(each.packed).to_bytes(2)
        + each.packed
        for each in found
        if kind == (_A if isinstance(each, IPv4Address) else _AAAA)
    ]  # fmt: skip
    code = b"\x81\x80" if found else b"\x81\x83"
    counts = b"\0\1" + len(records).to_bytes(2) + bytes(4)
    return message[:2] + code + counts + question + b"".join(records)


def asked_name(message: bytes) -> str:
    """The name that the question is about, in lower case."""
    labels, at = [], _QUESTION
    while size := message[at]:
        labels.append(message[at + 1 : at + 1 + size].decode().lower())
        at += size + 1
    return ".".join(labels)
