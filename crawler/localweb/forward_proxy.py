"""A forward proxy on loopback that records its requests: absolute URLs, CONNECT and SOCKS 5.

For every host, it connects to 127.0.0.1, at the requested port.
"""

import asyncio
import base64
import contextlib
import ssl
import threading
from concurrent.futures import Future
from typing import Literal, NamedTuple, Self

from crawler.model.exchange import Endpoint, Headers, Proxy

_HOP = ("proxy-authorization", "proxy-connection", "connection", "keep-alive")


class ProxyRequest(NamedTuple):
    """One request to the proxy: ``how`` is the method or ``SOCKS5``, ``target`` is as sent.

    ``login`` is the received ``user:password``, ``headers`` and ``body`` are those that the proxy
    can read.
    """

    how: str
    target: str
    login: str
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """First value of header ``name`` (lower case), or an empty string."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class ForwardProxy:
    """A context manager. ``login`` is the required ``user:password``, ``refuse`` a status for all.

    With ``tls``, it is an https proxy.
    """

    def __init__(
        self,
        *,
        login: str | None = None,
        refuse: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.seen: list[ProxyRequest] = []
        self.port = 0
        self._login, self._refuse, self._tls = login, refuse, tls
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("", "127.0.0.1", self.port)

    def named(
        self, scheme: Literal["http", "https", "socks5"] = "http", userinfo: str | None = None
    ) -> Proxy:
        """Return the ``Proxy`` record that an engine needs."""
        return Proxy(scheme, "127.0.0.1", self.port, userinfo)

    def url(self, scheme: str = "http", userinfo: str = "") -> str:
        return f"{scheme}://{userinfo + '@' if userinfo else ''}127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(started)))
        self._thread.start()
        self._loop, self._stop = started.result(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _main(self, started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
        stop = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        started.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        server.close()
        for _ in range(3):
            await asyncio.sleep(0)  # a new task must start before it can be cancelled
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                first = await reader.readexactly(1)
                if first == b"\x05":
                    await self._socks(reader, writer)
                else:
                    await self._http(first, reader, writer)
        finally:
            await _end(writer)
            self._tasks.discard(task)

    async def _http(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = first + await reader.readuntil(b"\r\n\r\n")
        while True:
            lines = head.decode("latin-1").split("\r\n")[:-2]
            method, target, _ = lines[0].split(" ")
            fields = (line.partition(":") for line in lines[1:])
            headers = tuple((name, value.strip(" \t")) for name, _, value in fields)
            request = ProxyRequest(method, target, _login(headers), headers)
            length = int(request.header("content-length") or 0)
            request = request._replace(body=await reader.readexactly(length))
            self.seen.append(request)
            if status := self._refusal(request):
                writer.write(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)
            elif method == "CONNECT":
                await self._tunnel(target, reader, writer)
                return
            else:
                writer.write(await _forwarded(request))
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")

    def _refusal(self, request: ProxyRequest) -> int | None:
        if self._login is not None and request.login != self._login:
            return 407
        return self._refuse

    async def _tunnel(
        self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        upstream = await asyncio.open_connection("127.0.0.1", int(target.rpartition(":")[2]))
        writer.write(b"HTTP/1.1 200 Connected\r\nVia: 1.1 proxy\r\n\r\n")
        await _relay((reader, writer), upstream)

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """SOCKS 5 (RFC 1928), with the login of RFC 1929."""
        await reader.readexactly((await reader.readexactly(1))[0])
        login = ""
        if self._login is None:
            writer.write(b"\x05\x00")
        else:
            writer.write(b"\x05\x02")
            await reader.readexactly(1)
            login = f"{await _text(reader)}:{await _text(reader)}"
            writer.write(b"\x01\x00" if login == self._login else b"\x01\x01")
        kind = (await reader.readexactly(4))[3]
        host = await _text(reader) if kind == 3 else (await reader.readexactly(4)).hex()
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.seen.append(ProxyRequest("SOCKS5", f"{host}:{port}", login))
        upstream = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await _relay((reader, writer), upstream)


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _relay(one: _Streams, other: _Streams) -> None:
    """Copy in both directions until either side ends."""
    ways = [
        asyncio.ensure_future(_pump(one[0], other[1])),
        asyncio.ensure_future(_pump(other[0], one[1])),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        _cut(other[1])
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


async def _forwarded(request: ProxyRequest) -> bytes:
    """Forward the request to the origin on a new connection, and return its response."""
    place, _, path = request.target.partition("://")[2].partition("/")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(place.rpartition(":")[2]))
    lines = [f"{request.how} /{path} HTTP/1.1", "Connection: close", "Via: 1.1 proxy"]
    lines += [f"{name}: {value}" for name, value in request.headers if name.lower() not in _HOP]
    writer.write("\r\n".join((*lines, "", "")).encode("latin-1") + request.body)
    try:
        answer = await reader.read(-1)
    finally:
        _cut(writer)
    return answer.replace(b"Connection: close\r\n", b"", 1)


def _cut(writer: asyncio.StreamWriter) -> None:
    """Close without waiting, because a wait could be cancelled; drops unsent data."""
    writer.close()
    writer.transport.abort()


async def _end(writer: asyncio.StreamWriter) -> None:
    _cut(writer)
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _text(reader: asyncio.StreamReader) -> str:
    return (await reader.readexactly((await reader.readexactly(1))[0])).decode()


def _login(headers: Headers) -> str:
    found = {name.lower(): value for name, value in headers}.get("proxy-authorization", "")
    return base64.b64decode(found.removeprefix("Basic ")).decode() if found else ""
