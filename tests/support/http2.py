"""An HTTP/2 server on loopback that answers, and sends any other frame, as a function says."""

import asyncio
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple, Self, cast

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import trustme

PAGE = b"<!DOCTYPE html><title>fine</title>"


class Asked(NamedTuple):
    """A request as received, with its whole body; ``at`` is monotonic, connections count from 1."""

    target: str
    connection: int
    stream: int
    at: float
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def method(self) -> str:
        return dict(self.headers)[":method"]


class Peer(asyncio.Protocol):
    """One connection. Handlers call its methods, and those of ``h2``; what they queue is sent."""

    def __init__(self, server: "Http2Server") -> None:
        self._server = server
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.loop = asyncio.get_running_loop()
        self._arriving: dict[int, Asked] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._server.connections += 1
        self.number = self._server.connections
        self.h2.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        try:
            for event in self.h2.receive_data(data):
                self._take(event)
        except h2.exceptions.ProtocolError:
            self.flush()
            self.transport.close()
        self.flush()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived(stream_id=int(stream), headers=list(raw)):
                headers = tuple((name.decode(), value.decode()) for name, value in raw)
                target, now = dict(headers)[":path"], time.monotonic()
                self._arriving[stream] = Asked(target, self.number, stream, now, headers)
            case h2.events.DataReceived(stream_id=int(stream), data=bytes(data)):
                asked = self._arriving[stream]
                self._arriving[stream] = asked._replace(body=asked.body + data)
                self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
            case h2.events.StreamEnded(stream_id=int(stream)):
                asked = self._arriving.pop(stream)
                self._server.asked.append(asked)
                self._server.handler(self, asked)

    def flush(self) -> None:
        self.transport.write(self.h2.data_to_send())

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Call ``act`` then, and send what it queued."""
        self.loop.call_later(seconds, lambda: (act(), self.flush()))

    def raw(self, frame: bytes) -> None:
        """Send a frame that ``h2`` would not send."""
        self.flush()
        self.transport.write(frame)

    def answer(self, asked: Asked, body: bytes = PAGE, status: int = 200) -> None:
        head = [(":status", str(status)), ("content-type", "text/html")]
        is_head = asked.method == "HEAD"
        head.append(("content-length", str(len(body))))
        self.h2.send_headers(asked.stream, head, end_stream=is_head)
        if not is_head:
            self.h2.send_data(asked.stream, body, end_stream=True)


Handler = Callable[[Peer, Asked], None]


def goaway(last: int, code: int = 0) -> bytes:
    """GOAWAY with ``last`` as the last stream that is answered (RFC 9113, 6.8)."""
    return b"\0\0\x08\x07\0\0\0\0\0" + last.to_bytes(4) + code.to_bytes(4)


def priority(stream: int) -> bytes:
    """PRIORITY (RFC 9113, 6.3)."""
    return b"\0\0\x05\x02\0" + stream.to_bytes(4) + b"\0\0\0\0\x10"


class Http2Server:
    """A context manager; the server runs on its own thread. ``ca`` signs its certificate."""

    def __init__(self, ca: trustme.CA, handler: Handler) -> None:
        self.handler = handler
        self.asked: list[Asked] = []
        self.connections = 0
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.set_alpn_protocols(["h2"])
        ca.issue_cert("127.0.0.1").configure_cert(self._tls)

    def url(self, path: str, host: str | None = None) -> str:
        """``host`` is for helpers that ask any server; it must be None."""
        return f"https://127.0.0.1:{self.port}{path}"

    def __enter__(self) -> Self:
        started: Future[tuple[int, Callable[[], Any]]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(started)))
        self._thread.start()
        self.port, self._stop = started.result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._thread.join()

    async def _run(self, started: "Future[tuple[int, Callable[[], Any]]]") -> None:
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        server = await loop.create_server(lambda: Peer(self), "127.0.0.1", 0, ssl=self._tls)
        port = server.sockets[0].getsockname()[1]
        started.set_result((port, lambda: loop.call_soon_threadsafe(end.set)))
        await end.wait()
        server.close()
