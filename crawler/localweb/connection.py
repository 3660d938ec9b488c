"""A connection of the test server: it reads requests and sends scripted answers.

It never corrects an answer: wrong lengths, truncated heads and broken connections are its purpose.
Times are seconds, clocks are ``time.monotonic``.
"""

import asyncio
import re
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from enum import Enum
from http.client import responses
from itertools import repeat
from typing import Protocol, cast

import msgspec

from crawler.engines.shared.kernel import tcp_info
from crawler.model.exchange import BODILESS

_TICK = 0.001
"""libuv counts whole milliseconds, so its timers may fire that much too early."""
_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: *([0-9]+)\r\n")


class Ending(Enum):
    """How a connection ends; the last step of a script."""

    RESET = "reset"
    CLOSE = "close"
    CUT = "cut"
    SILENCE = "silence"


RESET = Ending.RESET
"""Reset the connection (RST)."""
CLOSE = Ending.CLOSE
"""Close it cleanly: close_notify if it uses TLS, then FIN."""
CUT = Ending.CUT
"""Send FIN immediately; with TLS, that is an end without close_notify."""
SILENCE = Ending.SILENCE
"""Keep it open and send nothing more."""

Step = bytes | float | Ending | tuple[str, bytes, int | None, float]
"""Bytes to write unchanged, seconds to wait, an end, or a piece to repeat.

``("repeat", piece, times, interval)`` waits ``interval`` seconds after each piece; ``times`` None
repeats until the client disconnects. Nothing is written while the client does not read.
"""


class Seen(msgspec.Struct, frozen=True):
    """A request as received.

    Header names are as sent; ``host`` is the value of Host, or empty. ``connection`` counts TCP
    connections from 1. ``at`` is when the request was complete (of pipelined requests: when its
    turn came), ``local`` the address that the client connected to, ``tls`` whether it used TLS.
    ``lain`` is how many seconds it had waited in the kernel by then, to a kernel tick; 0 if not
    measured. ``body`` is as sent with Content-Length; chunks are not read. ``resumed`` is whether
    the TLS handshake of the connection resumed a session.
    """

    method: str
    target: str
    version: str
    headers: tuple[tuple[str, str], ...]
    host: str
    connection: int
    at: float
    local: tuple[str, int]
    tls: bool = False
    lain: float = 0.0
    body: bytes = b""
    resumed: bool = False

    @property
    def url(self) -> str:
        """The requested URL: scheme, Host and target as received."""
        return f"{'https' if self.tls else 'http'}://{self.host}{self.target}"

    def header(self, name: str) -> str:
        """First value of header ``name`` (any case), or an empty string."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")


class Answer(msgspec.Struct, frozen=True):
    """The response to send. ``latency`` is seconds before the first byte.

    Content-Length is added unless the headers have it or Transfer-Encoding; the body is written
    unchanged, but not to a HEAD. A ``script``, if given, replaces status, headers and body.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    latency: float = 0.0
    script: Iterable[Step] = ()


Handler = Callable[[Seen], Answer]
"""Called once per request, on the server's thread; must not block."""
BeforeBody = Callable[[Seen], Answer | float]
"""Called with a request whose body has not arrived. An answer is sent at once, and the connection
closed; else the server does not read for so many seconds."""


def read_at_once(_: Seen) -> float:
    """The usual ``BeforeBody``."""
    return 0.0


class Service(msgspec.Struct, eq=False):
    """State that the connections of one server share; ``lain`` is whether to measure it."""

    handler: Handler
    seen: MutableSequence[Seen]
    answered: MutableSequence[tuple[float, float]]
    connections: int = 0
    lain: bool = False
    before_body: BeforeBody = read_at_once
    live: set["Abortable"] = msgspec.field(default_factory=set)


class Abortable(Protocol):
    """An open connection that can be ended immediately."""

    def abort(self) -> None: ...


class Connection(asyncio.Protocol):
    """One TCP connection: one answer at a time, in request order."""

    _is_tls = _is_resumed = False

    def __init__(self, service: Service) -> None:
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._steps: Iterator[bytes | float | Ending] = iter(())
        self._timer: asyncio.TimerHandle | None = None
        self._asked_at = 0.0
        self._busy = self._paused = self._stalled = self._is_awaited = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # No buffer of our own: if a write does not pause us, the kernel has all its bytes.
        self._transport.set_write_buffer_limits(0)
        self._local = transport.get_extra_info("sockname")[:2]
        self._socket = transport.get_extra_info("socket")
        self._service.connections += 1
        self._number = self._service.connections
        self._service.live.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._service.live.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._serve()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._stalled:
            self._stalled = False
            self._continue()

    def abort(self) -> None:
        self._transport.abort()

    def _serve(self) -> None:
        while not self._busy and (end := self._buffer.find(b"\r\n\r\n") + 4) >= 4:
            length = _LENGTH.search(self._buffer, 0, end)
            size = end + int(length[1]) if length else end
            if len(self._buffer) < size:
                self._await_body(self._buffer[:end])
                return
            self._is_awaited = False
            self._answer(self._buffer[: end - 4], bytes(self._buffer[end:size]), size)
        if not self._busy and self._buffer and not self._buffer[:1].isalpha():
            self._answer(bytearray(), b"", 0)  # not HTTP, for example a TLS ClientHello

    def _await_body(self, head: bytearray) -> None:
        """The rest of the request is on its way."""
        if self._is_awaited:
            return
        self._is_awaited = True
        self._asked_at = time.monotonic()
        seen = self._parse(head[:-4].decode("latin-1"), b"")
        before = self._service.before_body(seen)
        if isinstance(before, Answer):
            self._busy = True
            self._transport.pause_reading()
            self._service.seen.append(seen)
            self._steps = _steps(before, close=True)
            self._step()
        elif before:
            self._transport.pause_reading()
            self._wait(before, self._transport.resume_reading)

    def _answer(self, head: bytearray, body: bytes, size: int) -> None:
        """Answer the request of the first ``size`` bytes."""
        del self._buffer[:size]
        self._busy = True
        self._asked_at = time.monotonic()
        try:
            seen = self._parse(head.decode("latin-1"), body)
        except ValueError:
            self._steps = _steps(Answer(400), close=True)
        else:
            self._service.seen.append(seen)
            answer, close = self._service.handler(seen), _wants_close(seen)
            self._steps = _steps(answer, close=close, is_head=seen.method == "HEAD")
        self._step()

    def _parse(self, head: str, body: bytes) -> Seen:
        """Raises ValueError if ``head`` is not the head of a request."""
        first, *lines = head.split("\r\n")
        method, target, version = first.split(" ")
        headers, host = [], ""
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError(line)
            value = value.strip(" \t")
            headers.append((name, value))
            if not host and name.lower() == "host":
                host = value
        return Seen(
            method,
            target,
            version,
            tuple(headers),
            host,
            self._number,
            self._asked_at,
            self._local,
            self._is_tls,
            self._kernel_wait(),
            body,
            self._is_resumed,
        )

    def _kernel_wait(self) -> float:
        info = tcp_info(self._socket) if self._service.lain else None
        return info.received_ago if info is not None else 0.0

    def _continue(self) -> None:
        self._step()
        self._serve()

    def _step(self) -> None:
        for step in self._steps:
            if isinstance(step, bytes):
                self._send(step)
                if self._paused:
                    self._stalled = True
                    return
            elif isinstance(step, Ending):
                self._end(step)
                return
            else:
                self._wait(step, self._continue)
                return
        self._stamp()
        self._busy = False

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._timer = self._loop.call_later(seconds + _TICK if seconds else 0.0, then)

    def _stamp(self) -> None:
        self._service.answered.append((self._asked_at, time.monotonic()))

    def _send(self, data: bytes) -> None:
        self._transport.write(data)

    def _end(self, ending: Ending) -> None:
        """Stays busy, so that whatever the client still sends is ignored."""
        self._stamp()
        match ending:
            case Ending.RESET:
                # With a linger time of zero, closing sends RST (socket(7), SO_LINGER).
                linger = struct.pack("ii", 1, 0)
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self._transport.abort()
            case Ending.CLOSE:
                self._close_cleanly()
                self._transport.close()
            case Ending.CUT:
                self._transport.close()
            case Ending.SILENCE:
                pass

    def _close_cleanly(self) -> None:
        """Send what the layer between HTTP and TCP needs at the end."""


def _steps(
    answer: Answer, *, close: bool, is_head: bool = False
) -> Iterator[bytes | float | Ending]:
    if answer.latency:
        yield answer.latency
    for step in answer.script or (message(answer, close=close, is_head=is_head),):
        if isinstance(step, tuple):
            _, piece, times, interval = step
            for _ in repeat(None) if times is None else repeat(None, times):
                yield piece
                yield interval
        else:
            yield step
    if close or any(name.lower() == "connection" and "close" in v for name, v in answer.headers):
        yield CLOSE


def message(answer: Answer, *, close: bool = False, is_head: bool = False) -> bytes:
    """Return status line, headers and body of ``answer`` as sent; no body if it ``is_head``."""
    lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if answer.status in BODILESS:
        return _head(lines)
    names = {name.lower() for name, _ in answer.headers}
    if names.isdisjoint(("content-length", "transfer-encoding")):
        lines.append(f"Content-Length: {len(answer.body)}")
    if close and "connection" not in names:
        lines.append("Connection: close")
    return _head(lines) if is_head else _head(lines) + answer.body


def _head(lines: Sequence[str]) -> bytes:
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _wants_close(seen: Seen) -> bool:
    return seen.version != "HTTP/1.1" or "close" in seen.header("connection").lower()
