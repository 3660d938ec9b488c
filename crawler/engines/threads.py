"""The ``threads`` engine: blocking urllib on a thread pool, one thread per fetch.

urllib handles only HTTP here: its OpenerDirector has one handler of ours, so it follows no
redirects, keeps no cookies and uses no proxies. ``UrllibResponse`` checks what urllib does not
detect (a truncated response, contradictory lengths). The socket belongs to a ``Wire``, so that the
event loop can end a fetch and the kernel's times can be read.
"""

import asyncio
import functools
import http.client
import platform
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import certifi

from crawler.engines.base import Capabilities, EngineOptions
from crawler.engines.shared.alerts import explained
from crawler.engines.shared.framing import check_lines
from crawler.engines.shared.messages import timed_out, too_large
from crawler.engines.shared.pieces import Pieces
from crawler.engines.shared.proxying import basic
from crawler.engines.shared.tls import TlsContexts
from crawler.engines.shared.tls_sessions import TlsSessions
from crawler.engines.urllib.hold import ThreadHold
from crawler.engines.urllib.response import UrllibResponse
from crawler.engines.urllib.wire import READ_BYTES, Phase, Wire
from crawler.model.body_budget import FREE_BYTES
from crawler.model.errors import SILENT, FailureKind, FetchError
from crawler.model.exchange import Request, Response


class ThreadsEngine:
    """urllib on ``options.concurrency`` threads. It does not support ``options.http2``."""

    capabilities = Capabilities(
        name="threads",
        summary="urllib on a thread pool, one thread per fetch",
        library=f"urllib of Python {platform.python_version()}",
        keep_alive=False,
        http2=False,
        own_threads=True,
        proxies=("http",),
        notes=("urllib closes each connection after one response (it sends Connection: close).",),
        holds_bodies=True,
    )

    def __init__(self, options: EngineOptions) -> None:
        self._tls = TlsContexts(options.ca_file or certifi.where())
        self._sessions = TlsSessions()
        self._concurrency = options.concurrency
        self._bodies = options.bodies
        self._wires: set[Wire] = set()
        self._opener = urllib.request.OpenerDirector()
        self._opener.addheaders = []
        self._opener.add_handler(_UrllibHandler())

    async def __aenter__(self) -> Self:
        self._pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="fetch")
        return self

    async def __aexit__(self, *_: object) -> None:
        for wire in self._wires:
            wire.abort()
        self._pool.shutdown()  # every fetch was aborted: takes milliseconds

    async def fetch(self, request: Request) -> Response:
        """Raises FetchError. The deadline starts here, so it includes waiting for a thread."""
        hold = ThreadHold(self._bodies)
        wire = Wire(request, self._context(request), self._sessions, hold)
        self._wires.add(wire)
        work = asyncio.get_running_loop().run_in_executor(self._pool, self._exchange, wire)
        try:
            await _wait(work, wire)
            if not work.done():
                message = f"{timed_out(request)} ({wire.phase})"
                raise FetchError(
                    FailureKind.TIMEOUT,
                    message,
                    answered=wire.received > 0,
                    connected=wire.is_connected,
                )
            return work.result()
        finally:
            if not work.done():
                work.cancel()
                wire.abort()
            wire.hold.end()
            self._wires.discard(wire)

    def _context(self, request: Request) -> ssl.SSLContext | None:
        if not request.url.startswith("https:"):
            return None
        return self._tls.context(verify=request.verify)

    def _exchange(self, wire: Wire) -> Response:
        """Run one fetch on a thread of the pool. Translates every error of the library."""
        try:
            with self._opener.open(_ThreadFetch(wire)) as answer:
                body = _read_body(answer, wire)
                return Response(
                    status=answer.status,
                    headers=answer.fields,
                    body=body,
                    timing=wire.timing(len(body)),
                    http_version="1.0" if answer.version == 10 else "1.1",
                )
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _translate(error, wire) from error
        finally:
            wire.release()


async def _wait(work: "asyncio.Future[Response]", wire: Wire) -> None:
    """Wait until ``work`` is done, or its deadline has passed, which a held body moves."""
    deadline = time.monotonic() + wire.request.timeout
    while not work.done() and (left := deadline + wire.hold.seconds - time.monotonic()) > 0:
        await asyncio.wait((work,), timeout=left)


class _ThreadFetch(urllib.request.Request):
    """The request for urllib. ``_UrllibConnection`` sends its headers and its body."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire.request.url, method=wire.request.method)
        self.wire = wire


class _UrllibHandler(urllib.request.AbstractHTTPHandler):
    def http_open(self, call: _ThreadFetch) -> http.client.HTTPResponse:
        return self.do_open(functools.partial(_UrllibConnection, call.wire), call)

    https_open = http_open
    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_


class _UrllibConnection(http.client.HTTPConnection):
    def __init__(self, wire: Wire, host: str, **options: Any) -> None:
        super().__init__(host, **options)
        self.response_class = UrllibResponse
        self._wire = wire

    def connect(self) -> None:
        self._wire.dial(self.host, self.port)
        self.sock = self._wire

    def request(
        self, method: str, url: str, body: Any = None, headers: Any = None, **_options: Any
    ) -> None:
        """Send the body: urllib would also add a Content-Type."""
        super().request(method, url, self._wire.request.body, headers)

    def putrequest(self, method: str, url: str, *_flags: bool, **_more: bool) -> None:
        target = self._wire.request.url if self._wire.is_forwarded else url
        super().putrequest(method, target, skip_host=True, skip_accept_encoding=True)

    def endheaders(self, message_body: Any = None, *, encode_chunked: bool = False) -> None:
        """Add the headers exactly as given: urllib itself would change and merge them."""
        headers = self._wire.request.headers
        check_lines(headers)
        for name, value in headers:
            self.putheader(name, value)
        proxy = self._wire.request.proxy
        if proxy is not None and proxy.userinfo is not None and self._wire.is_forwarded:
            self.putheader("Proxy-Authorization", basic(proxy.userinfo))
        super().endheaders(message_body, encode_chunked=encode_chunked)


def _read_body(answer: http.client.HTTPResponse, wire: Wire) -> bytes:
    """Read the body as sent. Raises FetchError if it exceeds ``max_bytes`` or is truncated."""
    limit, cut = wire.request.max_bytes, wire.request.cut
    body = Pieces()
    if (answer.length or 0) > limit and not cut:
        raise FetchError(FailureKind.TOO_LARGE, too_large(wire.request))
    for piece in _pieces(answer):
        wire.reset_allowance()
        body.add(piece)
        if body.size > limit:
            if cut:
                return body.take()[:limit]
            raise FetchError(FailureKind.TOO_LARGE, too_large(wire.request))
        if body.size > FREE_BYTES:
            wire.hold.grew(body.size)
    if answer.length:
        raise FetchError(FailureKind.TRUNCATED, f"{answer.length} bytes of the body are missing")
    if answer.chunked and wire.eof:
        raise FetchError(FailureKind.TRUNCATED, "the connection closed inside the trailers")
    return body.take()


def _pieces(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """``read1`` returns what has arrived; ``read`` would wait for missing bytes."""
    while piece := answer.read1(READ_BYTES):
        yield piece


def _translate(error: Exception, wire: Wire) -> FetchError:
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        error = error.reason
    endpoint = wire.request.endpoint
    where = f"{wire.phase} ({endpoint.dial_host} port {endpoint.dial_port})"
    kind = _kind(error, wire)
    answered = _is_answered(kind, error, wire)
    message = f"{where}: {_reason(error)}"
    return FetchError(kind, message, answered=answered, connected=wire.is_connected)


def _is_answered(kind: FailureKind, error: Exception, wire: Wire) -> bool:
    """Whether something came from the host. A handshake that was cut is not an answer."""
    if kind is FailureKind.TLS:
        return isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError)
    return wire.received > 0 or kind not in SILENT


def _kind(error: Exception, wire: Wire) -> FailureKind:
    if isinstance(error, TimeoutError):
        return FailureKind.TIMEOUT
    if isinstance(error, http.client.IncompleteRead):
        return FailureKind.TRUNCATED if wire.eof else FailureKind.PROTOCOL
    if not isinstance(error, OSError):
        return FailureKind.PROTOCOL
    if wire.phase == Phase.CONNECT:
        return FailureKind.CONNECT
    if isinstance(error, ssl.SSLEOFError | http.client.RemoteDisconnected) and wire.received:
        return FailureKind.TRUNCATED
    if wire.phase == Phase.HANDSHAKE or (
        isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError)
    ):
        return FailureKind.TLS
    return FailureKind.RESET


def _reason(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"certificate rejected: {error.verify_message}"
        case http.client.RemoteDisconnected() | ssl.SSLEOFError():
            return "the server closed the connection"
        case ssl.SSLError():
            return explained((error.reason or "TLS error").lower().replace("_", " "))
        case OSError():
            return error.strerror or str(error)
        case http.client.BadStatusLine() | http.client.UnknownProtocol():
            return f"not an HTTP/1 response: {str(error)[:60]!r}"
        case http.client.IncompleteRead():
            return "the chunked body is incomplete or malformed"
    return str(error)
