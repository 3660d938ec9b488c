"""The ``curl`` engine: libcurl's multi interface on the running event loop, with reused handles."""

from typing import Self

import pycurl

from crawler.engines.base import Capabilities, EngineOptions
from crawler.engines.libcurl.constants import limit_connections
from crawler.engines.libcurl.headers import RequestLines, header_lines
from crawler.engines.libcurl.multi import Multi
from crawler.engines.libcurl.session_shares import SessionShares
from crawler.engines.libcurl.sockets import Sockets
from crawler.engines.libcurl.transfer import Transfer
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Headers, Request, Response


class CurlEngine:
    """libcurl on the running event loop, without threads of its own."""

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._free: list[Transfer]
        self._all: list[Transfer]
        self._sockets = Sockets(http2=options.http2)
        self._lines: tuple[Headers, RequestLines] = ((), header_lines(()))

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
            proxies=("http", "https", "socks5"),
            holds_bodies=True,
        )

    async def __aenter__(self) -> Self:
        self._free, self._all = [], []
        self._multi = Multi(self._sockets)
        self._sessions = SessionShares()
        limit_connections(self._multi.multi, self._options)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._multi.close()
        for transfer in self._all:
            transfer.curl.close()
        self._sessions.close()
        self._sockets.close()

    async def fetch(self, request: Request) -> Response:
        if request.headers is not self._lines[0]:
            self._lines = (request.headers, header_lines(request.headers))
        transfer = self._free.pop() if self._free else self._new()
        try:
            self._sessions.assign(transfer.curl, request.url)
            transfer.prepare(request, self._lines[1])
            await self._multi.perform(transfer.curl)
            return transfer.response()
        except pycurl.error as error:
            if transfer.is_cut:
                return transfer.response()
            raise transfer.failure(*error.args) from None
        except ValueError as error:  # pycurl rejected an option
            raise FetchError(FailureKind.URL, f"libcurl cannot request it: {error}") from error
        finally:
            transfer.end()
            # Even after a cancellation the multi no longer uses the handle: its own callback ran
            # first. Handles are closed after the multi, because it may call their callbacks.
            self._free.append(transfer)

    def _new(self) -> Transfer:
        transfer = Transfer(pycurl.Curl(), self._options, self._sockets)
        self._all.append(transfer)
        return transfer
