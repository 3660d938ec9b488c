"""Engines that each break one clause of the contract. Otherwise they are like ours."""

import asyncio
import gzip
import math
import os
import socket
import ssl
from urllib.parse import urljoin, urlsplit

from msgspec.structs import replace

from crawler.engines.base import EngineOptions
from crawler.engines.curl import CurlEngine
from crawler.engines.shared.tls_sessions import SessionOwner, TlsSessions
from crawler.engines.threads import ThreadsEngine
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Endpoint, Headers, Proxy, Request, Response, Timing, unnoticed

_LEAKED: list[tuple[socket.socket, socket.socket]] = []


class FollowsRedirects(CurlEngine):
    async def fetch(self, request: Request) -> Response:
        response = await super().fetch(request)
        if response.status in (301, 302):
            url = urljoin(request.url, response.header("location"))
            return await super().fetch(replace(request, url=url))
        return response


class Retries(CurlEngine):
    async def fetch(self, request: Request) -> Response:
        try:
            response = await super().fetch(request)
        except FetchError as error:
            if error.kind is not FailureKind.RESET:
                raise
            return await super().fetch(request)
        return response if response.status != 503 else await super().fetch(request)


class RepeatsPosts(CurlEngine):
    """It takes a lost POST for one that its server does not have."""

    async def fetch(self, request: Request) -> Response:
        try:
            return await super().fetch(request)
        except FetchError as error:
            if error.kind is not FailureKind.RESET or request.is_idempotent:
                raise
            return await super().fetch(replace(request, fresh=True))


class SwallowsTruncation(CurlEngine):
    async def fetch(self, request: Request) -> Response:
        try:
            return await super().fetch(request)
        except FetchError as error:
            if error.kind is not FailureKind.TRUNCATED:
                raise
            return Response(200, (), b"", Timing())


class IgnoresDeadline(CurlEngine):
    async def fetch(self, request: Request) -> Response:
        return await super().fetch(replace(request, timeout=3600.0))


class WaitsToConnect(CurlEngine):
    async def fetch(self, request: Request) -> Response:
        return await super().fetch(replace(request, connect_timeout=math.inf))


class KeepsTooMuch(CurlEngine):
    """It keeps as many connections as it likes, and uses them whatever is asked for."""

    def __init__(self, options: EngineOptions) -> None:
        super().__init__(replace(options, connections=1_000))

    async def fetch(self, request: Request) -> Response:
        return await super().fetch(replace(request, fresh=False))


class ClosesConnections(CurlEngine):
    """It says that it keeps connections, and lets the server close each of them."""

    async def fetch(self, request: Request) -> Response:
        headers = (*request.headers, ("Connection", "close"))
        return await super().fetch(replace(request, headers=headers))


class KeepsCookies(CurlEngine):
    _cookies: Headers = ()

    async def fetch(self, request: Request) -> Response:
        headers = (*request.headers, *self._cookies)
        response = await super().fetch(replace(request, headers=headers))
        self._cookies = tuple(("Cookie", v) for k, v in response.headers if k == "set-cookie")
        return response


class KeepsHeaders(CurlEngine):
    _headers: Headers = ()

    async def fetch(self, request: Request) -> Response:
        self._headers = request.headers or self._headers
        return await super().fetch(replace(request, headers=self._headers))


class DecodesGzip(CurlEngine):
    async def fetch(self, request: Request) -> Response:
        response = await super().fetch(request)
        if response.header("content-encoding") == "gzip":
            return replace(response, body=gzip.decompress(response.body))
        return response


class LeaksSockets(CurlEngine):
    async def fetch(self, request: Request) -> Response:
        _LEAKED.append(socket.socketpair())
        return await super().fetch(request)


class LosesSlots(CurlEngine):
    """A cancelled fetch keeps its slot."""

    def __init__(self, options: EngineOptions) -> None:
        super().__init__(options)
        self._slots = asyncio.Semaphore(options.concurrency)

    async def fetch(self, request: Request) -> Response:
        await self._slots.acquire()
        try:
            response = await super().fetch(request)
        except FetchError:
            self._slots.release()
            raise
        self._slots.release()
        return response


class ObeysEnvironment(CurlEngine):
    async def fetch(self, request: Request) -> Response:
        names = (f"{request.url.partition(':')[0]}_proxy", "all_proxy", "ALL_PROXY")
        for url in filter(None, map(os.environ.get, names)):
            place = urlsplit(url)
            proxy = Proxy("http", place.hostname, place.port)
            endpoint = Endpoint(place.hostname, place.hostname, place.port)
            request = replace(request, proxy=proxy, endpoint=endpoint)
        return await super().fetch(request)


class NeverBegins(CurlEngine):
    async def fetch(self, request: Request) -> Response:
        return await super().fetch(replace(request, begun=unnoticed))


class NeverVerifies(CurlEngine):
    async def fetch(self, request: Request) -> Response:
        return await super().fetch(replace(request, verify=False))


class MixesSessions(ThreadsEngine):
    """It resumes a TLS session for any host, and always says that it did."""

    def __init__(self, options: EngineOptions) -> None:
        super().__init__(options)
        self._sessions = _OneForAll()

    async def fetch(self, request: Request) -> Response:
        response = await super().fetch(request)
        return replace(response, timing=replace(response.timing, resumed=True))


class _OneForAll(TlsSessions):
    def keep(self, owner: SessionOwner, session: ssl.SSLSession | None) -> None:
        super().keep((owner[0], ""), session)

    def take(self, owner: SessionOwner) -> ssl.SSLSession | None:
        return super().take((owner[0], ""))
