"""The ``aiohttp`` engine: aiohttp's client session on the running event loop."""

import asyncio
import ssl
import time
from io import BytesIO
from typing import Self

import aiohttp
import certifi
import yarl
from aiohttp import hdrs

from crawler.engines.aiohttp_connect import TaskConnectLimit
from crawler.engines.aiohttp_hooks import (
    FRESH,
    BareRequest,
    HookedConnector,
    HookedResponse,
    WireExchange,
)
from crawler.engines.aiohttp_opening import ORIGIN, Handshake
from crawler.engines.base import Capabilities, EngineOptions
from crawler.engines.shared.alerts import explained
from crawler.engines.shared.framing import body_length, check_locations
from crawler.engines.shared.heads import MAX_LINE_BYTES, MAX_LINES
from crawler.engines.shared.messages import not_connected, timed_out, too_large
from crawler.engines.shared.pieces import Pieces
from crawler.engines.shared.proxying import basic, refusal
from crawler.engines.shared.timing import make_timing
from crawler.engines.shared.tls import TlsContexts
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import (
    IDEMPOTENT,
    Endpoint,
    Headers,
    Proxy,
    Request,
    Response,
    Timing,
    host_and_port,
)


class AiohttpEngine:
    """aiohttp on the running loop. It does not support ``options.http2``."""

    capabilities = Capabilities(
        name="aiohttp",
        summary="aiohttp's client session on uvloop",
        library=f"aiohttp {aiohttp.__version__}",
        keep_alive=True,
        http2=False,
        own_threads=False,
        proxies=("http",),
        holds_bodies=True,
    )

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._tls = TlsContexts(options.ca_file or certifi.where(), _hook)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=HookedConnector(self._options),
            request_class=BareRequest,
            response_class=HookedResponse,
            middlewares=(_once,),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_LINES,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def fetch(self, request: Request) -> Response:
        started = time.monotonic()
        answer: aiohttp.ClientResponse | None = None
        connecting: TaskConnectLimit | None = None
        FRESH.set(request.fresh)
        try:
            async with asyncio.timeout(request.timeout) as deadline:
                if request.connect_timeout < request.timeout:
                    connecting = TaskConnectLimit(request.connect_timeout, deadline)
                async with self._send(request) as answer:
                    request.begun()
                    if connecting is not None:
                        connecting.end()
                    assert isinstance(answer, HookedResponse)
                    hold = answer.exchange.hold
                    hold.watch(deadline)
                    try:
                        body = await _read(answer, request)
                    finally:
                        hold.end()
        except TimeoutError:
            if connecting is not None and connecting.has_passed:
                message = not_connected(request)
                raise FetchError(FailureKind.TIMEOUT, message, connected=False) from None
            begun = answer is not None
            raise FetchError(FailureKind.TIMEOUT, timed_out(request), answered=begun) from None
        except aiohttp.ClientHttpProxyError as error:
            assert request.proxy is not None
            raise refusal(request.proxy, error.status) from None
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            raise FetchError(FailureKind.PROTOCOL, str(error)) from error
        finally:
            if connecting is not None:
                connecting.end()
        version = answer.version
        return Response(
            answer.status,
            _headers(answer),
            body,
            _timing(answer.exchange, request, started, len(body), hold.seconds),
            f"{version.major}.{version.minor}" if version else "1.1",
        )

    def _send(self, request: Request) -> "aiohttp.client._RequestContextManager":
        scheme, _, rest = request.url.partition("://")
        authority, _, target = rest.partition("/")
        secure = scheme == "https"
        ORIGIN.set(authority)
        headers = (("Host", authority), *request.headers)
        if request.content_length is not None:
            headers = (*headers, ("Content-Length", str(request.content_length)))
        dial, proxied = _dial(request.endpoint), request.proxy is not None
        login = _login(request.proxy)
        return self._session.request(
            request.method,
            # As part of the path the query is sent unchanged, even if it is empty.
            yarl.URL.build(
                scheme=scheme,
                authority=authority if proxied else dial,
                path=f"/{target}",
                encoded=True,
            ),
            headers=headers if secure else (*headers, *login),
            # aiohttp makes a task for it. With nothing to send, that would end after the answer.
            data=BytesIO(request.body) if request.body else None,
            allow_redirects=False,
            ssl=self._tls.context(verify=request.verify) if secure else True,
            server_hostname=_name(authority) if secure else None,
            proxy=yarl.URL(f"http://{dial}") if proxied else None,
            proxy_headers=login if secure else None,
        )


def _hook(context: ssl.SSLContext) -> None:
    context.sslobject_class = Handshake


def _dial(endpoint: Endpoint) -> str:
    return host_and_port(endpoint.dial_host, endpoint.dial_port)


def _login(proxy: Proxy | None) -> Headers:
    if proxy is None or proxy.userinfo is None:
        return ()
    return (("Proxy-Authorization", basic(proxy.userinfo)),)


def _name(authority: str) -> str:
    """The host without port and without the brackets of an IPv6 address."""
    if authority.startswith("["):
        return authority[1 : authority.index("]")]
    return authority.partition(":")[0]


async def _once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Translate errors before the body; aiohttp would otherwise send the request again."""
    try:
        return await send(request)
    except aiohttp.ClientHttpProxyError:
        raise
    except (aiohttp.ClientError, OSError) as error:
        exchange = getattr(request.response, "exchange", None)
        raise _translate(error, exchange, repeatable=request.method in IDEMPOTENT) from error


async def _read(answer: HookedResponse, request: Request) -> bytes:
    """Read the body as sent. Raises FetchError if it exceeds ``max_bytes`` or is truncated."""
    length = _check_head(answer, request)
    if length is not None and length > request.max_bytes and not request.cut:
        raise FetchError(FailureKind.TOO_LARGE, too_large(request))
    body = Pieces()
    try:
        async for piece in answer.content.iter_any():
            body.add(piece)
            if body.size > request.max_bytes:
                if request.cut:  # aiohttp closes a connection that is not read to its end
                    return body.take()[: request.max_bytes]
                raise FetchError(FailureKind.TOO_LARGE, too_large(request))
    except (aiohttp.ClientError, OSError) as error:
        raise _translate(error, answer.exchange, repeatable=request.is_idempotent) from error
    return body.take()


def _check_head(answer: HookedResponse, request: Request) -> int | None:
    """Return the declared length of the body, or None. Raises FetchError."""
    headers = answer.headers
    check_locations(headers.getall(hdrs.LOCATION, ()))
    length = body_length(
        headers.getall(hdrs.CONTENT_LENGTH, ()), headers.getall(hdrs.TRANSFER_ENCODING, ())
    )
    return None if request.is_bodiless(answer.status) else length


def _headers(answer: HookedResponse) -> Headers:
    sent = answer.exchange.head.headers
    if sent is not None:
        return sent
    raw = answer.raw_headers
    return tuple([(str(name, "latin-1").lower(), str(value, "latin-1")) for name, value in raw])


def _timing(
    exchange: WireExchange, request: Request, started: float, size: int, held: float
) -> Timing:
    info, reused = exchange.info, exchange.reused
    connection = exchange.connection
    connect, tls = (0.0, 0.0) if reused else connection.waits
    return make_timing(
        request,
        connect=connect,
        tls=tls,
        kernel=info,
        library_answer=exchange.last_byte - exchange.sent,
        buffered=info.received_ago if info else 0.0,
        first_byte=exchange.first_byte - started,
        total=time.monotonic() - started,
        reused=reused,
        resumed=connection.resumed and not reused,
        body_size=size,
        held=held,
    )


def _translate(error: Exception, exchange: WireExchange | None, *, repeatable: bool) -> FetchError:
    if exchange is None:
        return _unconnected(error)
    if exchange.refused is not None:
        return exchange.refused
    lost = exchange.connection.lost
    untouched = repeatable and exchange.reused and not exchange.received
    if isinstance(error, aiohttp.ClientResponseError):
        return FetchError(
            FailureKind.PROTOCOL, f"not an HTTP/1 response: {_first_line(error.message)}"
        )
    if isinstance(lost, ssl.SSLError) and not isinstance(lost, ssl.SSLEOFError):
        return FetchError(FailureKind.TLS, _tls_reason(lost))
    if isinstance(lost, ConnectionError) or not exchange.received:
        reason = (
            getattr(lost, "strerror", None) or "the server closed the connection without a response"
        )
        begun = exchange.received > 0
        return FetchError(FailureKind.RESET, reason, reused=untouched, answered=begun)
    return FetchError(
        FailureKind.TRUNCATED, f"the connection closed after {exchange.received:,} bytes"
    )


def _first_line(message: str) -> str:
    """The first line of llhttp's message; the lines below quote the response."""
    return message.partition("\n\n")[0].replace("\n", "").rstrip(":")


def _unconnected(error: Exception) -> FetchError:
    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=reason):
            return FetchError(FailureKind.TLS, f"certificate rejected: {_tls_reason(reason)}")
        case aiohttp.ClientConnectorSSLError(os_error=reason):
            cut = isinstance(reason, ssl.SSLEOFError)
            return FetchError(FailureKind.TLS, _tls_reason(reason), answered=not cut)
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError() as reason):
            return FetchError(FailureKind.CONNECT, reason.strerror or "connection refused")
        # Without TLS, ``ssl`` is True instead of a context.
        case aiohttp.ClientConnectorError(os_error=ConnectionError(), ssl=ssl.SSLContext()):
            return FetchError(
                FailureKind.TLS,
                "the server closed the connection during the TLS handshake",
                answered=False,
            )
        case aiohttp.ClientConnectorError(os_error=reason):
            return FetchError(FailureKind.CONNECT, reason.strerror or str(reason))
    # A kept connection died before anything was sent on it.
    return FetchError(FailureKind.RESET, str(error), reused=True)


def _tls_reason(error: Exception) -> str:
    text = getattr(error, "verify_message", None) or getattr(error, "reason", None) or str(error)
    return explained(str(text).lower().replace("_", " "))
