"""The ``tornado`` engine: tornado's client on libcurl, on the running event loop."""

import asyncio
from collections import deque
from typing import Any, Self

import msgspec
import pycurl
import tornado
from tornado.curl_httpclient import CurlAsyncHTTPClient
from tornado.httpclient import HTTPClientError, HTTPRequest

from crawler.engines.base import Capabilities, EngineOptions
from crawler.engines.libcurl.constants import limit_connections
from crawler.engines.libcurl.headers import header_lines
from crawler.engines.libcurl.session_shares import SessionShares
from crawler.engines.libcurl.sockets import Sockets
from crawler.engines.libcurl.transfer import Transfer
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Request, Response


class TornadoEngine:
    """``CurlAsyncHTTPClient`` on the running loop. It does not support ``options.http2``."""

    capabilities = Capabilities(
        name="tornado",
        summary="tornado's client on libcurl, on uvloop",
        library=f"tornado {tornado.version}, libcurl {pycurl.version_info()[1]}",
        keep_alive=True,
        http2=False,
        own_threads=False,
        proxies=("http", "https", "socks5"),
        holds_bodies=True,
    )

    def __init__(self, options: EngineOptions) -> None:
        self._options = msgspec.structs.replace(options, http2=False)
        self._sockets = Sockets()
        self._under_way: set[asyncio.Future[Any]] = set()

    async def __aenter__(self) -> Self:
        self._closing = False
        self._sessions = SessionShares()
        self._client = _Client(
            force_instance=True,
            max_clients=self._options.concurrency,
            engine_options=self._options,
            sockets=self._sockets,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        for done in self._under_way:
            done.cancel()
        await asyncio.sleep(0)  # each fetch releases its handle
        self._client.close()
        self._sessions.close()
        self._sockets.close()

    async def fetch(self, request: Request) -> Response:
        call = _TornadoFetch(request, self._options, self._sockets, self._sessions)
        done = self._client.fetch(call.tornado_request, raise_error=False)
        self._under_way.add(done)
        try:
            await done
        except asyncio.CancelledError:
            self._client.abandon(call)
            if self._closing:
                raise FetchError(FailureKind.RESET, "the engine was closed") from None
            raise
        except HTTPClientError:
            assert call.result is not None  # a failure, or a body that was cut
        except (pycurl.error, ValueError) as error:  # libcurl rejected an option
            raise FetchError(FailureKind.URL, f"libcurl cannot request it: {error}") from error
        finally:
            self._under_way.discard(done)
            if call.transfer is not None:
                call.transfer.end()
        # ``call`` is part of a cycle, so it would keep the body in memory.
        result, call.result = call.result, None
        assert result is not None
        if isinstance(result, FetchError):
            raise result
        return result


class _TornadoFetch:
    """One request in tornado's form, and its result."""

    def __init__(
        self,
        request: Request,
        options: EngineOptions,
        sockets: Sockets,
        sessions: SessionShares,
    ) -> None:
        self.result: Response | FetchError | None = None
        self.transfer: Transfer | None = None
        self._request, self._options, self._sockets = request, options, sockets
        self._sessions = sessions
        self.tornado_request = HTTPRequest(
            request.url,
            follow_redirects=False,
            decompress_response=False,
            connect_timeout=request.timeout,
            request_timeout=request.timeout,
            prepare_curl_callback=self._prepare,
        )

    def _prepare(self, curl: Any) -> None:
        """Override the options and callbacks that tornado has set before."""
        curl.call = self
        self.transfer = Transfer(curl, self._options, self._sockets)
        self._sessions.assign(curl, self._request.url)
        self.transfer.prepare(self._request, header_lines(self._request.headers))

    def waits_as(self, waiting: Any) -> bool:
        """Whether ``waiting``, in tornado's queue, is this call."""
        return waiting.request is self.tornado_request

    def conclude(self, code: int | None, message: str | None) -> None:
        """Store the result before the handle and its connection are used again."""
        assert self.transfer is not None
        try:
            if code and not self.transfer.is_cut:
                raise self.transfer.failure(code, message or "")
            self.result = self.transfer.response()
        except FetchError as error:
            self.result = error
        finally:
            self.transfer.leave_handle()


class _Client(CurlAsyncHTTPClient):
    def initialize(  # type: ignore[override]
        self, max_clients: int, engine_options: EngineOptions, sockets: Sockets, **options: Any
    ) -> None:
        super().initialize(max_clients, **options)
        limit_connections(self._multi, engine_options)
        self._sockets = sockets

    def close(self) -> None:
        super().close()
        if self._timeout is not None:  # libcurl set it again while it closed
            self.io_loop.remove_timeout(self._timeout)

    def _handle_events(self, fd: int, events: int) -> None:
        if fd in self._sockets.watched:
            self._sockets.look(fd)
        super()._handle_events(fd, events)

    def _finish(
        self, curl: Any, curl_error: int | None = None, curl_message: str | None = None
    ) -> None:
        call, curl.call = curl.call, None  # an idle handle must not keep a body in memory
        try:
            call.conclude(curl_error, curl_message)
        finally:
            # Pass the error: without one, tornado reads values that libcurl may not have.
            super()._finish(curl, curl_error, curl_message)

    def abandon(self, call: _TornadoFetch) -> None:
        """Free the slot of a cancelled call; tornado would keep it until the request ends."""
        if call.transfer is None:
            self._requests = deque(item for item in self._requests if not call.waits_as(item[0]))
        elif call.result is None:
            self._finish(call.transfer.curl)
            self._process_queue()
