"""The ``gevent`` engine: greenlets on a gevent hub, which has a thread of its own (an extra).

geventhttpclient keeps the connections. Its parser is not used: it has no limits, and loses a
response that other bytes follow. Responses are read as those of ``threads`` are, so that both read
the same. Nothing is patched.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Self

from crawler.engines.base import Capabilities, EngineOptions
from crawler.engines.names import EXTRAS
from crawler.model.exchange import Request, Response


def _library() -> str:
    try:
        return ", ".join(f"{name} {version(name)}" for name in EXTRAS["gevent"])
    except PackageNotFoundError:
        return "not installed"


class GeventEngine:
    """gevent and geventhttpclient. It does not support ``options.http2``."""

    capabilities = Capabilities(
        name="gevent",
        summary="geventhttpclient's connections on greenlets, in a thread of their own",
        library=_library(),
        keep_alive=True,
        http2=False,
        own_threads=True,
        proxies=("http",),
        holds_bodies=True,
        suspends="greenlets",
    )

    def __init__(self, options: EngineOptions) -> None:
        # Here, so that its capabilities can be read where gevent is not installed.
        from crawler.engines.greenlets.fetcher import GreenFetcher

        self._fetcher = GreenFetcher(options)

    async def __aenter__(self) -> Self:
        await self._fetcher.hub.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._fetcher.hub.stop()

    async def fetch(self, request: Request) -> Response:
        """Raises FetchError."""
        return await self._fetcher.fetch(request)
