"""A URL → one exchange on the wire: resolved, judged, given its headers, handed to the engine."""

import base64
import logging
from collections.abc import Callable

import msgspec

from crawler.engines.base import Engine
from crawler.errors import CrawlerError, FetchError, Kind
from crawler.model import Endpoint, Headers, Request, Response
from crawler.network import Resolver
from crawler.urls import host_port, origin

log = logging.getLogger(__name__)

NOWHERE = Endpoint("", "", 0)
"""Where a request was to go whose host has no address."""


class Fetcher(msgspec.Struct):
    """What all requests of a run have in common, and the logins of single origins.

    ``record`` is told each exchange that ended, well or not; what was not asked for is none.
    """

    engine: Engine
    resolver: Resolver
    headers: Headers
    timeout: float
    max_bytes: int
    logins: dict[str, Headers] = {}
    record: Callable[[Request, Response | FetchError], None] | None = None

    def log_in(self, url: str, userinfo: str) -> None:
        """From now on ``user:password`` goes with every request to the origin of ``url``."""
        token = base64.b64encode(userinfo.encode()).decode("ascii")
        self.logins[origin(url)] = (*self.headers, ("Authorization", f"Basic {token}"))

    async def fetch(self, url: str) -> Response:
        """Raises FetchError and SkipError, and nothing else."""
        endpoint = NOWHERE
        try:
            host, port = host_port(url)
            endpoint = self.resolver.cached(host, port) or await self.resolver.resolve(host, port)
            response = await self.engine.fetch(self._request(url, endpoint))
        except FetchError as error:
            self._record(url, endpoint, error)
            raise
        except CrawlerError:
            raise
        except Exception as error:
            log.exception("the engine failed on %s", url)
            message = f"{type(error).__name__} in the engine: {error}"
            raise FetchError(Kind.INTERNAL, message) from error
        self._record(url, endpoint, response)
        return response

    def _record(self, url: str, endpoint: Endpoint, answer: Response | FetchError) -> None:
        if self.record is not None:
            self.record(self._request(url, endpoint), answer)

    def _request(self, url: str, endpoint: Endpoint) -> Request:
        headers = self.logins.get(origin(url), self.headers) if self.logins else self.headers
        return Request(url, endpoint, headers, self.timeout, self.max_bytes)
