"""Adapts aioresponses to the installed aiohttp and to the engine under test.

aioresponses 0.7.9 creates responses for aiohttp before 3.14. ``Aioresponses`` adds what newer
versions need. Remove it when aioresponses does this itself: a unit test fails then.
"""

import asyncio
import functools
import sys
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock, patch
from weakref import WeakValueDictionary

import aiohttp
from aiohttp.client_middlewares import build_client_middlewares
from aiohttp.client_proto import ResponseHandler
from aiohttp.streams import StreamReader
from aioresponses import aioresponses

from crawler.engines.aiohttp_hooks import HookedConnection, HookedResponse, WireExchange


def with_writer(kind: type[aiohttp.ClientResponse]) -> Any:
    """Return a factory for responses of ``kind`` that fills in the required ``stream_writer``."""
    return functools.partial(kind, stream_writer=Mock(output_size=0))


def without_flow_control(loop: Any) -> StreamReader:
    """A body without a size limit: at the limit it would pause the parser, and there is none."""
    return StreamReader(ResponseHandler(loop), limit=sys.maxsize, loop=loop)


class Aioresponses(aioresponses):
    """aioresponses that works with aiohttp 3.14 and later, also for bodies over 128 KiB."""

    def start(self) -> None:
        self._bodies = patch("aioresponses.core.stream_reader_factory", without_flow_control)
        self._bodies.start()
        super().start()

    def stop(self) -> None:
        super().stop()
        self._bodies.stop()

    def add(self, url: Any, method: str = "GET", **options: Any) -> None:
        kind = options.pop("response_class", aiohttp.ClientResponse)
        super().add(url, method, response_class=with_writer(kind), **options)


def exchange(*, reused: bool = False, received: int = 0, **ended: Any) -> WireExchange:
    """An exchange on a connection without a socket.

    ``lost`` is the error that ended the connection, ``refused`` is why we ended it.
    """
    connection = HookedConnection(asyncio.get_running_loop(), WeakValueDictionary(), lambda _: None)
    socketless = SimpleNamespace(fileno=lambda: -1, family=None)
    connection.connection_made(asyncio.Transport({"socket": socketless}))
    connection.lost = ended.get("lost")
    begun = WireExchange(connection, reused=reused)
    begun.refused = ended.get("refused")
    if received:
        begun.note(received, None)
    return begun


class MockedSession(Aioresponses):
    """Replaces ``ClientSession._request``, including what it does for the engine.

    Requests have the session's class and pass its middlewares; ``sent`` contains all of them.
    Responses have an exchange: ``under_way``, or one of their own. The ``exception`` of a mocked
    response is raised before the head: with ``under_way`` as if the request had been sent,
    otherwise as if there was no connection yet. ``broken`` is raised instead of every body.
    """

    def __init__(
        self, *, under_way: WireExchange | None = None, broken: Exception | None = None
    ) -> None:
        super().__init__()
        self.sent: list[aiohttp.ClientRequest] = []
        self._under_way, self._broken = under_way, broken

    def add(self, url: Any, method: str = "GET", **options: Any) -> None:
        super().add(url, method, response_class=HookedResponse, **options)

    async def _request_mock(
        self, orig_self: Any, method: str, url: Any, *args: Any, **options: Any
    ) -> Any:
        answer = super()._request_mock

        async def send(request: aiohttp.ClientRequest) -> aiohttp.ClientResponse:
            self.sent.append(request)
            if self._under_way is not None:
                request.response = SimpleNamespace(exchange=self._under_way)
            return self._finished(await answer(orig_self, method, url, *args, **options))

        request = orig_self._request_class(
            method,
            url,
            headers=options["headers"],
            ssl=options["ssl"],
            server_hostname=options["server_hostname"],
            session=orig_self,
        )
        return await build_client_middlewares(send, orig_self._middlewares)(request)

    def _finished(self, response: Any) -> Any:
        response.version = aiohttp.HttpVersion11
        response.exchange = self._under_way or exchange(received=response.content.total_bytes)
        if self._broken is not None:
            response.content.set_exception(self._broken)
        return response
