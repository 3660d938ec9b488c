"""Sends request heads in which each character is a byte; aiohttp itself sends them in UTF-8."""

import asyncio
from collections.abc import Iterable

_END = b"\r\n\r\n"


class LatinTransport:
    """Stands for ``transport`` while aiohttp writes a head, maybe with the first of a body."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        head, end, body = data.partition(_END)
        self._transport.write(b"".join((head.decode().encode("latin-1"), end, body)))

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.write(b"".join(pieces))

    def is_closing(self) -> bool:
        return self._transport.is_closing()
