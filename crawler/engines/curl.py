"""The ``curl`` engine: libcurl's multi interface on the running event loop, handles reused."""

import re
import socket
import time
from types import TracebackType
from typing import Self

import certifi
import pycurl

from crawler.engines.base import MAX_HEADER_BYTES, Capabilities, EngineOptions
from crawler.engines.curlcodes import translate
from crawler.engines.kernel import RECEIVE_WINDOW, TcpInfo, connect_wait, tcp_info
from crawler.errors import FetchError, Kind
from crawler.model import Headers, Request, Response, Timing

_ABORT = -1
_GO_ON = 0
_KNOWN_SOCKETS = 100_000
_CLOSES = re.compile(rb"connection:[^\r\n]*close", re.IGNORECASE).match
_HTTP_VERSIONS = {
    pycurl.CURL_HTTP_VERSION_1_0: "1.0",
    pycurl.CURL_HTTP_VERSION_1_1: "1.1",
    pycurl.CURL_HTTP_VERSION_2_0: "2",
}


Local = tuple[str, int]
"""Address and port at our end: what libcurl tells of a connection, kept alive or not."""


class _Sockets:
    """libcurl's open sockets by their local address.

    libcurl closes them unseen: pycurl cannot call back for a connection whose first handle rests.
    """

    def __init__(self) -> None:
        self._fds: dict[Local, int] = {}

    def connected(self, local: Local, fd: int) -> TcpInfo | None:
        """A new connection stands; what the kernel says of its handshake."""
        if len(self._fds) > _KNOWN_SOCKETS:
            self._fds.clear()
        self._fds[local] = fd
        return self.info(local)

    def info(self, local: Local) -> TcpInfo | None:
        fd = self._fds.get(local)
        if fd is None:
            return None
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)
        try:
            # The descriptor may be closed, or another's by now.
            return tcp_info(sock) if sock.getsockname()[:2] == local else None
        except OSError:
            return None
        finally:
            sock.detach()


class _Transfer:
    """One easy handle and what its callbacks collect. All that varies is set for every request."""

    def __init__(self, options: EngineOptions, sockets: _Sockets) -> None:
        self._sockets = sockets
        self.curl = pycurl.Curl()
        set_constants(self.curl, options)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._on_body)
        self.curl.setopt(pycurl.HEADERFUNCTION, self._on_header)
        self.curl.setopt(pycurl.SOCKOPTFUNCTION, self._on_open)
        self.curl.setopt(pycurl.PREREQFUNCTION, self._on_connected)

    def prepare(self, request: Request, header_lines: list[str]) -> None:
        self.request = request
        self.chunks: list[bytes] = []
        self.size = 0
        self.lines: list[bytes] = []
        self.header_bytes = 0
        self.headers_whole = False
        self.refused: FetchError | None = None
        self.fresh: int | None = None
        self.local: Local | None = None
        self.handshake: TcpInfo | None = None
        self.last: TcpInfo | None = None
        self.closing = False
        self.started = time.monotonic()
        self.deadline = self.started + request.timeout
        dial = request.endpoint.dial_host
        host = f"[{dial}]" if ":" in dial else dial
        curl = self.curl
        curl.setopt(pycurl.URL, request.url)
        curl.setopt(pycurl.CONNECT_TO, [f"::{host}:{request.endpoint.dial_port}"])
        curl.setopt(pycurl.HTTPHEADER, header_lines)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, int(request.timeout * 1000)))
        curl.setopt(pycurl.SSL_VERIFYPEER, int(request.verify))
        curl.setopt(pycurl.SSL_VERIFYHOST, 2 if request.verify else 0)

    def _on_open(self, fd: int, _purpose: int) -> int:
        self.fresh = fd
        return _GO_ON

    def _on_connected(self, _remote: str, local: str, _remote_port: int, local_port: int) -> int:
        self.local = (local, local_port)
        if self.fresh is not None:
            self.handshake = self._sockets.connected(self.local, self.fresh)
        return _GO_ON

    def _on_header(self, line: bytes) -> int | None:
        self.header_bytes += len(line)
        if self.header_bytes > MAX_HEADER_BYTES:
            return self._refuse(Kind.PROTOCOL, f"headers of more than {MAX_HEADER_BYTES:,} bytes")
        if line.startswith(b"HTTP/"):
            self.lines.clear()
            self.headers_whole = False
            self.closing = line.startswith(b"HTTP/1.0")
        if not self.headers_whole:  # else it is a trailer
            self.lines.append(line)
            self.headers_whole = line in (b"\r\n", b"\n")
            self.closing = self.closing or _CLOSES(line) is not None
        return self._go_on()

    def _on_body(self, chunk: bytes) -> int | None:
        self.size += len(chunk)
        if self.size > self.request.max_bytes:
            return self._refuse(Kind.TOO_LARGE, too_large(self.request))
        self.chunks.append(chunk)
        return self._go_on()

    def _go_on(self) -> int | None:
        if self.closing and self.local is not None:
            self.last = self._sockets.info(self.local)  # there will be no socket to ask at the end
        # libcurl looks at its own clock only between reads; a flood of small pieces keeps it busy.
        if time.monotonic() <= self.deadline:
            return None
        return self._refuse(Kind.TIMEOUT, timed_out(self.request))

    def _refuse(self, kind: Kind, message: str) -> int:
        self.refused = FetchError(kind, message)
        return _ABORT

    def response(self) -> Response:
        if not self.headers_whole:
            raise FetchError(Kind.TRUNCATED, "the connection closed within the headers")
        curl = self.curl
        version = _HTTP_VERSIONS.get(curl.getinfo(pycurl.INFO_HTTP_VERSION), "1.1")
        return Response(
            curl.getinfo(pycurl.RESPONSE_CODE),
            parse_headers(self.lines),
            b"".join(self.chunks),
            self._timing(version),
            version,
        )

    def _timing(self, version: str) -> Timing:
        curl = self.curl
        connect, tls = (0.0, 0.0) if self.fresh is None else self._handshake()
        info = (self._sockets.info(self.local) if self.local else None) or self.last
        buffered = info.received_ago if info else 0.0
        kernel = info is not None and version != "2"
        if info is not None and kernel:
            answer = info.answer
        else:
            sent = curl.getinfo(pycurl.PRETRANSFER_TIME)
            answer = max(0.0, curl.getinfo(pycurl.TOTAL_TIME) - sent - buffered)
        return Timing(
            connect,
            tls,
            answer,
            curl.getinfo(pycurl.STARTTRANSFER_TIME),
            buffered,
            time.monotonic() - self.started,
            self.request.endpoint.lookup_s,
            self.fresh is None,
            "kernel" if kernel else "library",
            self.size <= RECEIVE_WINDOW,
        )

    def _handshake(self) -> tuple[float, float]:
        """Seconds waited for TCP and for TLS, without the time we were late to look."""
        curl = self.curl
        connected = curl.getinfo(pycurl.CONNECT_TIME)
        secured = curl.getinfo(pycurl.APPCONNECT_TIME)
        connect = connect_wait(connected - curl.getinfo(pycurl.NAMELOOKUP_TIME), self.handshake)
        if not secured:
            return connect, 0.0
        lag = self.handshake.received_ago if self.handshake else 0.0
        return connect, max(0.0, secured - connected - lag)


def set_constants(curl: pycurl.Curl, options: EngineOptions) -> None:
    """What is the same for every request: nothing automatic, nothing from the environment."""
    version = pycurl.CURL_HTTP_VERSION_2TLS if options.http2 else pycurl.CURL_HTTP_VERSION_1_1
    for option, value in (
        (pycurl.HTTP_VERSION, version),
        (pycurl.PROXY, ""),
        (pycurl.NOPROXY, "*"),
        (pycurl.PATH_AS_IS, 1),
        (pycurl.HTTP_CONTENT_DECODING, 0),
        (pycurl.NOSIGNAL, 1),
        (pycurl.CAINFO, options.ca_file or certifi.where()),
    ):
        curl.setopt(option, value)


def header_lines(headers: Headers) -> list[str]:
    """For HTTPHEADER: the headers as they are, and libcurl's own defaults taken back."""
    names = {name.lower() for name, _ in headers}
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in headers]
    return lines + [f"{name}:" for name in ("Accept", "User-Agent") if name.lower() not in names]


def parse_headers(lines: list[bytes]) -> Headers:
    """Header lines, status line first and blank line last → lower-case names and values."""
    pairs = (line.decode("latin-1").partition(":") for line in lines[1:-1])
    return tuple((name.strip().lower(), value.strip()) for name, colon, value in pairs if colon)


def timed_out(request: Request) -> str:
    return f"no whole answer within {request.timeout:g} s"


def too_large(request: Request) -> str:
    return f"the body is larger than {request.max_bytes:,} bytes"


class CurlEngine:
    """``pycurl.AsyncCurlMulti`` on the running loop; needs no thread of its own."""

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._free: list[_Transfer] = []
        self._all: list[_Transfer] = []
        self._sockets = _Sockets()
        self._lines: tuple[Headers, list[str]] = ((), header_lines(()))

    @property
    def capabilities(self) -> Capabilities:
        info = pycurl.version_info()
        return Capabilities(
            name="curl",
            summary="libcurl's multi interface on uvloop; the fastest",
            library=f"pycurl {pycurl.version.split()[0].partition('/')[2]}, libcurl {info[1]}",
            keep_alive=True,
            http2=True,
            own_threads=False,
            notes=("A reused connection that died is dialled again by libcurl itself.",),
        )

    async def __aenter__(self) -> Self:
        self._multi = pycurl.AsyncCurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, self._options.concurrency)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._multi.aclose()
        for transfer in self._all:
            transfer.curl.close()

    async def fetch(self, request: Request) -> Response:
        if request.headers is not self._lines[0]:
            self._lines = (request.headers, header_lines(request.headers))
        transfer = self._free.pop() if self._free else self._new()
        transfer.prepare(request, self._lines[1])
        done = self._multi.add_handle(transfer.curl)
        try:
            await done
            if transfer.refused is not None:
                raise transfer.refused
            return transfer.response()
        except pycurl.error as error:
            code, message = error.args
            raise (transfer.refused or translate(code, message, request)) from None
        finally:
            # Cancelled or not, the multi has let go of the handle: its callback on ``done`` ran
            # first. A handle is never closed before the multi, which may call its callbacks.
            self._free.append(transfer)

    def _new(self) -> _Transfer:
        transfer = _Transfer(self._options, self._sockets)
        self._all.append(transfer)
        return transfer
