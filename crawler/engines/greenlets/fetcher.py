"""Fetches on greenlets: one for each request in flight."""

import asyncio
import http.client
from functools import partial

import certifi
import gevent
from gevent.lock import BoundedSemaphore

from crawler.engines.base import EngineOptions
from crawler.engines.greenlets.connections import OpenConnections
from crawler.engines.greenlets.hub import HubSignal, HubThread
from crawler.engines.greenlets.request_head import request_head
from crawler.engines.greenlets.wire import WIRE, GreenWire
from crawler.engines.shared.tls import TlsContexts
from crawler.engines.shared.tls_sessions import TlsSessions
from crawler.engines.urllib.body import read_response
from crawler.engines.urllib.errors import translate
from crawler.engines.urllib.hold import BodyHold
from crawler.engines.urllib.response import UrllibResponse
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import BODILESS, Request, Response, values_of

CLOSED = "the engine was closed"


class GreenFetcher:
    """Lives on the thread of a hub, except ``fetch``, which runs on the event loop."""

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._tls = TlsContexts(options.ca_file or certifi.where())
        self._sessions = TlsSessions()
        self._running: dict[GreenWire, gevent.Greenlet] = {}
        self.hub = HubThread(self._begin, self._end)

    def _begin(self) -> None:
        self._slots = BoundedSemaphore(self._options.concurrency)
        self._connections = OpenConnections(self._options)

    def _end(self) -> None:
        gevent.killall(list(self._running.values()))
        self._connections.close()
        gevent.sleep(0)  # gevent closes sockets, and reports ends, in the next turn

    async def fetch(self, request: Request) -> Response:
        """Raises FetchError. The deadline starts here, so it includes waiting for a slot."""
        if not self.hub.is_open:
            raise FetchError(FailureKind.RESET, CLOSED)
        wire = self._wire(request)
        done: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.hub.call(partial(self._start, wire, done))
        try:
            return await done
        finally:
            if done.cancelled():
                self.hub.call(partial(self._cancel, wire))
            wire.hold.end()

    def _wire(self, request: Request) -> GreenWire:
        tls = self._tls.context(verify=request.verify) if request.url[:6] == "https:" else None
        hold = BodyHold(self._options.bodies, HubSignal(self.hub))
        return GreenWire(request, tls, self._sessions, hold)

    def _start(self, wire: GreenWire, done: "asyncio.Future[Response]") -> None:
        greenlet = self._running[wire] = gevent.spawn(self._run, wire)
        greenlet.rawlink(lambda ended: self._ended(wire, ended, done))

    def _cancel(self, wire: GreenWire) -> None:
        if wire in self._running:
            self._running[wire].kill(block=False)

    def _ended(
        self, wire: GreenWire, greenlet: gevent.Greenlet, done: "asyncio.Future[Response]"
    ) -> None:
        del self._running[wire]
        self.hub.tell(partial(_settle, done, greenlet.exception or greenlet.value))

    def _run(self, wire: GreenWire) -> Response | FetchError:
        """The greenlet of one fetch."""
        WIRE.set(wire)
        try:
            if not self._slots.acquire(timeout=wire.left):
                return wire.late()
            try:
                return self._exchange(wire)
            finally:
                self._slots.release()
        except FetchError as error:
            return error
        except TimeoutError:
            return wire.late()
        except (OSError, http.client.HTTPException, ValueError) as error:
            return translate(error, wire)

    def _exchange(self, wire: GreenWire) -> Response:
        head = request_head(wire.request, wire.target)
        lease, keep = self._connections.take(wire), False
        try:
            wire.sendall(head)
            if wire.request.body:
                wire.sendall(wire.request.body)
            answer = UrllibResponse(wire, wire.request.method)
            answer.begin()
            response = read_response(answer, wire)
            keep = _can_be_kept(wire.request, response, answer) and not wire.has_more()
            return response
        finally:
            wire.keep_session()
            lease.end(keep=keep)


def _can_be_kept(request: Request, response: Response, answer: UrllibResponse) -> bool:
    """Whether the connection can have another response (RFC 9112, 9.3): this one has an end.

    Some servers send the body that a response without one announces (6.3): then it has none.
    """
    codings = values_of(response.headers, "transfer-encoding")
    lengths = values_of(response.headers, "content-length")
    if request.method == "HEAD":
        has_end = True
    elif answer.status in BODILESS:
        has_end = not codings and not (lengths and answer.status == 204)
    elif codings:
        has_end = answer.isclosed()
    else:
        has_end = bool(lengths) and not answer.length
    options = ",".join(values_of(response.headers, "connection")).lower()
    named = {each.strip() for each in options.split(",")}
    if response.http_version == "1.0" and "keep-alive" not in named:
        return False
    return has_end and "close" not in named


def _settle(done: "asyncio.Future[Response]", ended: Response | BaseException) -> None:
    if done.done():
        return
    if isinstance(ended, Response):
        done.set_result(ended)
    elif isinstance(ended, gevent.GreenletExit):
        done.set_exception(FetchError(FailureKind.RESET, CLOSED))
    else:
        done.set_exception(ended)
