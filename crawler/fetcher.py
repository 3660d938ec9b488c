"""A URL → one exchange on the wire: resolved, judged, given its headers, handed to the engine."""

import base64
import logging

import msgspec

from crawler.engines.base import Engine
from crawler.errors import CrawlerError, FetchError, Kind
from crawler.model import Endpoint, Headers, Request, Response
from crawler.network import Resolver
from crawler.urls import host_port, origin

log = logging.getLogger(__name__)


class Fetcher(msgspec.Struct):
    """What all requests of a run have in common, and the logins of single origins."""

    engine: Engine
    resolver: Resolver
    headers: Headers
    timeout: float
    max_bytes: int
    logins: dict[str, Headers] = {}

    def log_in(self, url: str, userinfo: str) -> None:
        """From now on ``user:password`` goes with every request to the origin of ``url``."""
        token = base64.b64encode(userinfo.encode()).decode("ascii")
        self.logins[origin(url)] = (*self.headers, ("Authorization", f"Basic {token}"))

    async def fetch(self, url: str) -> Response:
        """Raises FetchError and SkipError, and nothing else."""
        try:
            host, port = host_port(url)
            endpoint = self.resolver.cached(host, port) or await self.resolver.resolve(host, port)
            return await self.engine.fetch(self._request(url, endpoint))
        except CrawlerError:
            raise
        except Exception as error:
            log.exception("the engine failed on %s", url)
            message = f"{type(error).__name__} in the engine: {error}"
            raise FetchError(Kind.INTERNAL, message) from error

    def _request(self, url: str, endpoint: Endpoint) -> Request:
        headers = self.logins.get(origin(url), self.headers) if self.logins else self.headers
        return Request(url, endpoint, headers, self.timeout, self.max_bytes)
