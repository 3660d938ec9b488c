"""Sends request heads in which each character is a byte; aiohttp itself sends them in UTF-8."""

import asyncio


class LatinTransport:
    """Stands for ``transport`` while aiohttp writes a head without a body."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport

    def write(self, head: bytes) -> None:
        self._transport.write(head.decode().encode("latin-1"))

    def is_closing(self) -> bool:
        return self._transport.is_closing()
