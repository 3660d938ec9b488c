"""One exchange per URL: looks up and checks the host, adds headers, and calls the engine."""

import asyncio
import logging
import math
import time
from collections.abc import Callable

import msgspec

from crawler.engines.base import Engine
from crawler.engines.shared.proxying import WANTS_LOGIN, refusal
from crawler.fetch.cookies import Jar
from crawler.fetch.headers import HostPort, RequestHeaders, is_insecure
from crawler.fetch.network import Resolver
from crawler.fetch.tries import AddressTries, first_limit
from crawler.model.errors import CrawlerError, FailureKind, FetchError
from crawler.model.exchange import Endpoint, Headers, Proxy, Request, Response, unnoticed
from crawler.model.secrets import Hide
from crawler.model.urls import host_port

log = logging.getLogger(__name__)

_SHORTEST = 0.001
"""Minimum timeout (seconds) of a request after a slow look-up."""
NOWHERE = Endpoint("", "", 0)
"""The endpoint of a request whose look-up failed."""


def anywhere(_address: str) -> bool:
    """The default of ``may_dial``."""
    return True


class Fetcher(msgspec.Struct):
    """Sends the requests of a run.

    ``timeout`` (seconds) is for look-up and exchange together; ``max_bytes`` limits a body.
    ``cookies`` is None if the run keeps none. ``insecure`` are the hosts whose certificates are not
    verified. With a ``proxy``, ``resolver`` must return its endpoint. ``record`` is called after
    each exchange or failed look-up, but not for a request that was not allowed. ``hide`` takes the
    secrets out of error messages: an engine may quote what was sent or received. ``look_ups`` is
    how many names may be looked up at once, so that some are before their requests begin.
    """

    engine: Engine
    resolver: Resolver
    headers: RequestHeaders
    timeout: float
    max_bytes: int
    cookies: Jar | None = None
    proxy: Proxy | None = None
    insecure: frozenset[HostPort] = frozenset()
    record: Callable[[Request, Response | FetchError], None] | None = None
    hide: Hide = str
    look_ups: int = 1

    def log_in(self, url: str, userinfo: str) -> None:
        """Send ``user:password`` with every further request to the origin of ``url``."""
        self.headers.log_in(url, userinfo)

    def prepare(self, url: str) -> None:
        """``url`` will be requested soon."""
        if self.look_ups > 1:  # else requests would not be one after the other
            host, port = host_port(url)
            self.resolver.prepare(host, port, self.look_ups)

    async def fetch(self, url: str) -> Response:
        """``locate``, then ``fetch_at``. Raises only FetchError and SkipError."""
        response = await self.fetch_at(url, await self.locate(url))
        assert response is not None, "every address may be dialled"
        return response

    async def locate(self, url: str) -> Endpoint:
        """Look up the host of ``url``. Raises FetchError (dns) and SkipError (blocked)."""
        host, port = host_port(url)
        known = self.resolver.cached(host, port)
        if known is not None:
            return known
        try:
            return await self._look_up(host, port)
        except FetchError as error:
            self._record(url, NOWHERE, error)
            raise

    async def _look_up(self, host: str, port: int) -> Endpoint:
        try:
            async with asyncio.timeout(self.timeout):
                return await self.resolver.resolve(host, port)
        except TimeoutError:
            message = f"{host}: no name server answered within {self.timeout:g} s"
            raise FetchError(FailureKind.DNS, message) from None

    async def fetch_at(
        self,
        url: str,
        endpoint: Endpoint,
        begun: Callable[[], None] = unnoticed,
        *,
        fresh: bool = False,
        enough: int | None = None,
        may_dial: Callable[[str], bool] = anywhere,
    ) -> Response | None:
        """Send the request to the result of ``locate``; if ``fresh``, on a new connection.

        ``enough`` is the number of bytes of the body that are needed, whatever its limit is; of a
        longer one only these are read. None: all are needed. ``begun`` is called, from any thread,
        when the response has begun.

        If no connection is made, the next address is tried, and ``may_dial`` is called with it; if
        that returns False, the result is None. Raises only FetchError and SkipError.
        """
        try:
            request = self._request(url, endpoint, begun, fresh, enough)
            started = time.monotonic() if endpoint.others else 0.0
            try:
                response = await self.engine.fetch(request)
            except FetchError as error:
                if error.connected or not endpoint.others:
                    raise
                tries = AddressTries(endpoint, self.timeout, started)
                found = await self._try_others(request, tries, error, may_dial)
                if found is None:
                    return None
                endpoint, response = tries.attempt.endpoint, found
            self._check(url, response)
        except FetchError as error:
            error.message = self.hide(error.message)
            self._record(url, endpoint, error)
            raise
        except CrawlerError:
            raise
        except Exception as error:
            log.exception("the engine failed on %s", url)
            message = f"{type(error).__name__} in the engine: {error}"
            raise FetchError(FailureKind.INTERNAL, self.hide(message)) from error
        self._record(url, endpoint, response)
        return response

    async def _try_others(
        self,
        request: Request,
        tries: AddressTries,
        error: FetchError,
        may_dial: Callable[[str], bool],
    ) -> Response | None:
        """``request`` ended with ``error`` before it was connected: try the other addresses."""
        host, port = host_port(request.url)
        while True:
            self.resolver.unreachable(host, port, tries.attempt.endpoint)
            if not tries.fail(error, time.monotonic()):
                raise tries.error() from None
            attempt = tries.attempt
            if not may_dial(attempt.endpoint.address):
                return None
            again = msgspec.structs.replace(request, **msgspec.structs.asdict(attempt))
            try:
                return tries.timed(await self.engine.fetch(again))
            except FetchError as next_error:
                if next_error.connected:
                    raise
                error = next_error

    def _record(self, url: str, endpoint: Endpoint, result: Response | FetchError) -> None:
        if self.record is not None:
            self.record(self._request(url, endpoint), result)

    def _request(
        self,
        url: str,
        endpoint: Endpoint,
        begun: Callable[[], None] = unnoticed,
        fresh: bool = False,
        enough: int | None = None,
    ) -> Request:
        left = max(self.timeout - endpoint.lookup_s, _SHORTEST)
        connect = first_limit(endpoint, self.timeout) if endpoint.others else math.inf
        verify = not (self.insecure and is_insecure(self.insecure, *host_port(url)))
        headers = self._headers(url)
        return Request(
            url,
            endpoint,
            headers,
            left,
            enough or self.max_bytes,
            verify,
            self.proxy,
            begun,
            fresh,
            cut=enough is not None,
            connect_timeout=connect,
        )

    def _headers(self, url: str) -> Headers:
        headers = self.headers.of(url)
        cookies = self.cookies.header(url, time.time()) if self.cookies is not None else ""
        if not cookies:
            return headers
        # Only one Cookie header is allowed (RFC 6265, 5.4): the user's cookies come first.
        own = [value for name, value in headers if name.lower() == "cookie"]
        others = (pair for pair in headers if pair[0].lower() != "cookie")
        return (*others, ("Cookie", "; ".join((*own, cookies))))

    def _check(self, url: str, response: Response) -> None:
        """Store the cookies of a response. Raises FetchError if the proxy refused the request."""
        if self.proxy is not None and response.status == WANTS_LOGIN and url.startswith("http:"):
            raise refusal(self.proxy, response.status)
        if self.cookies is not None:
            self.cookies.take(url, response.headers, time.time())
