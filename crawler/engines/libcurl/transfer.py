"""One request on a libcurl easy handle, for the two engines that use libcurl.

Options and callbacks: curl_easy_setopt(3). A callback must not raise: it returns a value that
aborts the transfer, and ``refused`` keeps the reason.
"""

import time

import pycurl

from crawler.engines.base import MAX_HEADER_BYTES, EngineOptions
from crawler.engines.libcurl.arrivals import Arrival, StreamArrivals
from crawler.engines.libcurl.codes import translate, unanswered
from crawler.engines.libcurl.connect_limit import TransferConnectLimit, limit_connecting
from crawler.engines.libcurl.constants import set_constants
from crawler.engines.libcurl.content import TransferContent
from crawler.engines.libcurl.headers import RequestLines, parse_headers, parse_status
from crawler.engines.libcurl.hold import TransferHold
from crawler.engines.libcurl.route import set_route, shows_tls
from crawler.engines.libcurl.sockets import Ends, Sockets
from crawler.engines.shared.alerts import REFUSED_AFTERWARDS
from crawler.engines.shared.framing import body_length, check_trailer
from crawler.engines.shared.heads import count_interim, parse_line
from crawler.engines.shared.kernel import TcpInfo
from crawler.engines.shared.messages import not_connected, timed_out, too_large
from crawler.engines.shared.opening import Opening
from crawler.engines.shared.pieces import Pieces
from crawler.engines.shared.proxying import refusal
from crawler.engines.shared.timing import make_timing
from crawler.model.body_budget import FREE_BYTES
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Headers, Proxy, Request, Response, Timing

_ABORT = -1
_CONTINUE = 0
_DO_NOT_CONNECT: int = pycurl.SOCKOPT_ERROR
_PAUSE: int = pycurl.WRITEFUNC_PAUSE
_DO_NOT_SEND: int = pycurl.PREREQFUNC_ABORT
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})
_BLANK = (b"\r\n", b"\n")


class Transfer:
    """Sets the options of one easy handle and collects its callbacks' data; reusable."""

    def __init__(self, curl: pycurl.Curl, options: EngineOptions, sockets: Sockets) -> None:
        self.curl = curl
        self._sockets = sockets
        self._http2 = options.http2
        self._bodies = options.bodies
        self._body = Pieces()
        self._hold: TransferHold | None = None
        self._connecting: TransferConnectLimit | None = None
        self._stream: StreamArrivals | None = None
        self._content = TransferContent(curl)
        self._sent = 0.0
        # The values that were set last; only changed values are set again.
        self._header_lines: RequestLines | None = None
        self._terms: tuple[str, int, float, bool, Proxy | None, bool, float] | None = None
        set_constants(curl, options)
        curl.setopt(pycurl.WRITEFUNCTION, self._on_body)
        curl.setopt(pycurl.HEADERFUNCTION, self._on_header)
        curl.setopt(pycurl.SOCKOPTFUNCTION, self._on_open)
        curl.setopt(pycurl.PREREQFUNCTION, self._on_connected)

    def prepare(self, request: Request, header_lines: RequestLines) -> None:
        self._end_stream()
        self.request = request
        self.refused: FetchError | None = None
        self.started = time.monotonic()
        self._deadline = self.started + request.timeout
        self._lines: list[bytes] = []
        self._interim = 0
        self._trailer_bytes = 0
        self._status = 0
        self._version = ""
        self._headers: Headers | None = None
        self._closing = False
        self.is_cut = False
        self._fresh: int | None = None
        self._ends: Ends | None = None
        self._opening: Opening | None = None
        self._arrived: Arrival | None = None
        self._last: TcpInfo | None = None
        self.curl.setopt(pycurl.URL, request.url)
        if header_lines is not self._header_lines:
            self._header_lines = header_lines
            self.curl.setopt(pycurl.HTTPHEADER, header_lines)
        dial = request.endpoint
        terms = (
            dial.dial_host,
            dial.dial_port,
            request.timeout,
            request.verify,
            request.proxy,
            request.fresh,
            request.connect_timeout,
        )
        if terms != self._terms:
            self._terms = terms
            self._set_terms(request)
        if request.method != "GET" or request.body is not None or self._content.is_set:
            self._content.set(request, header_lines)
            self._header_lines = None  # it may have added to them

    def _set_terms(self, request: Request) -> None:
        set_route(self.curl, request.endpoint, request.proxy)
        self.curl.setopt(pycurl.TIMEOUT_MS, max(1, int(request.timeout * 1000)))
        self.curl.setopt(pycurl.SSL_VERIFYPEER, int(request.verify))
        self.curl.setopt(pycurl.SSL_VERIFYHOST, 2 if request.verify else 0)
        self.curl.setopt(pycurl.FRESH_CONNECT, int(request.fresh))
        limit_connecting(self.curl, request.connect_timeout)

    def _on_open(self, fd: int, _purpose: int) -> int:
        if self._ends is not None:
            self.refused = unanswered(self.request)
            return _DO_NOT_CONNECT
        self._fresh = fd
        self._sockets.opened(fd, shows_tls=shows_tls(self.request))
        if self.request.connect_timeout < self.request.timeout:
            until = self.started + self.request.connect_timeout
            self._connecting = TransferConnectLimit(self.curl, fd, until)
        return _CONTINUE

    def _on_connected(self, remote: str, local: str, remote_port: int, local_port: int) -> int:
        if self._connecting is not None:
            self._connecting.end()
        # The local port alone is not unique: connections to different hosts can share it.
        ends = local, local_port, remote, remote_port
        if self._ends is not None:
            self.refused = unanswered(self.request)
            return _DO_NOT_SEND
        if self._fresh is not None:
            self._opening = self._sockets.connected(ends, self._fresh)
        elif self._speaks_http1(ends) and self._sockets.has_unrequested_bytes(ends):
            self.refused = FetchError(
                FailureKind.RESET, "the server sent bytes before the request", reused=True
            )
            return _DO_NOT_SEND
        self._sockets.used(ends, self)
        self._ends = ends
        self._stream = self._sockets.arrivals(ends)
        if self._stream is not None:
            self._stream.begin(self)
            self._sent = time.monotonic()
        return _CONTINUE

    def _speaks_http1(self, ends: Ends) -> bool:
        """Whether the connection is kept for one request at a time.

        In HTTP/2 other bytes than a response are legal at any time (RFC 9113, 4.1).
        """
        return not self._http2 or self._sockets.is_http1(ends)

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._stream.end(self)
            self._stream = None

    def leave(self, ends: Ends) -> None:
        """Another transfer is about to use this connection."""
        if self._ends == ends and self._last is None:
            self._last = self._sockets.info(ends)

    def _on_header(self, line: bytes) -> int | None:
        if self._headers is not None:
            return self._take_trailer(line)
        if not self._lines:
            self.request.begun()
        self._lines.append(line)
        return self._take_head() if line in _BLANK else None

    def _take_trailer(self, line: bytes) -> int | None:
        self._trailer_bytes += len(line)
        if self._trailer_bytes > MAX_HEADER_BYTES:
            return self._refuse(
                FailureKind.PROTOCOL, f"more than {MAX_HEADER_BYTES:,} bytes of trailers"
            )
        if line not in _BLANK:
            try:
                check_trailer(parse_line(line)[0])
            except FetchError as error:
                return self._abort(error)
        return self._continue()

    def _take_head(self) -> int | None:
        found = parse_status(self._lines[0], http2=self._http2)
        if found is None:
            return self._refuse(FailureKind.PROTOCOL, "no status line")
        self._version, self._status = found
        if self._http2 and self._version != "2" and self._ends is not None:
            self._sockets.note_http1(self._ends)
        try:
            headers = parse_headers(self._lines)
            if self._status < 200:
                return self._take_interim()
            self._headers = headers
            length = self._take_framing(headers)
        except FetchError as error:
            return self._abort(error)
        if length is not None and length > self.request.max_bytes and not self.request.cut:
            return self._refuse(FailureKind.TOO_LARGE, too_large(self.request))
        return self._continue(is_head=True)

    def _take_interim(self) -> int | None:
        """Another head follows; their number is limited. libcurl limits each to 300 KiB."""
        self._interim = count_interim(self._status, self._interim)
        self._lines.clear()
        return self._continue()

    def _take_framing(self, headers: Headers) -> int | None:
        """Return the declared length of the body, or None. Raises FetchError.

        Also notes whether libcurl will close the connection: then the kernel's data must be read
        before that.
        """
        lengths, codings = [], []
        self._closing = self._version == "1.0"
        for name, value in headers:
            if name not in _FRAMING:  # nearly all of them
                continue
            if name == "content-length":
                lengths.append(value)
            elif name == "transfer-encoding":
                codings.append(value)
            elif name == "connection" and "close" in value.lower():
                self._closing = True
        length = body_length(lengths, codings)
        if self.request.is_bodiless(self._status):
            return None
        self._closing = self._closing or not (lengths or codings)
        return length

    def _on_body(self, chunk: bytes) -> int | None:
        if self._hold is not None and self._hold.pauses():
            return _PAUSE
        body = self._body
        if body.size + len(chunk) > self.request.max_bytes:
            if self.request.cut:
                return self._cut(chunk)
            return self._refuse(FailureKind.TOO_LARGE, too_large(self.request))
        body.add(chunk)
        if body.size > FREE_BYTES and self._bodies is not None:
            if self._hold is None:
                self._hold = TransferHold(self.curl, self._bodies, self.started, self._deadline)
            self._hold.grew(body.size)
        return self._continue(len(chunk))

    def _cut(self, chunk: bytes) -> int:
        """All that is needed has come: libcurl closes the connection, or resets the stream."""
        self._body.add(chunk[: self.request.max_bytes - self._body.size])
        self._closing = True
        self.is_cut = self._continue(len(chunk)) is None
        return _ABORT

    def leave_handle(self) -> None:
        """The handle may get another transfer before ``end``."""
        if self._connecting is not None:
            self._connecting.end()
        if self._hold is not None:
            self._hold.leave()

    def end(self) -> None:
        """The fetch has ended, however it did. May be called twice."""
        self._body = Pieces()  # idle transfers must not keep bodies in memory
        if self._content.is_set:
            self._content.drop()
        if self._connecting is not None:
            self._connecting.end()
            self._connecting = None
            self._terms = None  # it may have been lifted
        if self._hold is not None:
            self._hold.end()
            self._hold = None
            self._terms = None  # the timeout was changed

    def _continue(self, received: int = 0, *, is_head: bool = False) -> int | None:
        """``received`` bytes of the body were good, or the head."""
        now = time.monotonic()
        if self._closing and self._ends is not None:
            self._last = self._sockets.info(self._ends)
        if self._stream is not None and self._version == "2":
            stream = self._stream
            self._arrived = stream.take_head(now) if is_head else stream.take(received, now)
        # libcurl checks its own clock only between reads; many small pieces keep it reading.
        held = 0.0 if self._hold is None else self._hold.seconds
        if now <= self._deadline + held:
            return None
        return self._refuse(FailureKind.TIMEOUT, timed_out(self.request))

    def _refuse(self, kind: FailureKind, message: str) -> int:
        return self._abort(FetchError(kind, message, answered=True))

    def _abort(self, error: FetchError) -> int:
        self.refused = error
        return _ABORT

    def failure(self, code: int, message: str) -> FetchError:
        """Return why the transfer failed; ``code`` and ``message`` are libcurl's own."""
        if self.refused is not None:
            return self.refused
        answered = self.curl.getinfo(pycurl.HTTP_CONNECTCODE)
        if self.request.proxy is not None and answered >= 300:
            return refusal(self.request.proxy, answered)
        is_late = code == pycurl.E_OPERATION_TIMEDOUT
        if is_late and self._connecting is not None and self._connecting.has_passed:
            message = not_connected(self.request)
            return FetchError(FailureKind.TIMEOUT, message, connected=False)
        if self._interim and code == pycurl.E_GOT_NOTHING:
            return FetchError(
                FailureKind.TRUNCATED, "the connection closed before the final response"
            )
        if code == pycurl.E_SEND_ERROR and self._has_alert():
            return FetchError(FailureKind.TLS, REFUSED_AFTERWARDS)
        touched = bool(self._lines or self._interim)
        untouched = self._fresh is None and not touched and self.request.is_idempotent
        return translate(code, message, self.request, reused=untouched, answered=touched)

    def _has_alert(self) -> bool:
        """Whether a new connection was closed with a TLS alert before the request was sent."""
        if self._fresh is None or self._ends is None:
            return False
        return self._sockets.has_unread_alert(self._ends)

    def response(self) -> Response:
        """Return the response after libcurl succeeded, before its connection is used again.

        Also if libcurl failed because the transfer ``is_cut``.

        Raises FetchError if the head is truncated: libcurl takes that for an empty response.
        """
        if self.refused is not None:
            raise self.refused
        if self._headers is None:
            raise FetchError(FailureKind.TRUNCATED, "the connection closed inside the headers")
        timing = self._timing()
        return Response(self._status, self._headers, self._body.take(), timing, self._version)

    def _timing(self) -> Timing:
        if self._arrived is not None:
            return self._stream_timing(self._arrived)
        curl = self.curl
        connect, tls = self._waits()
        info = self._last
        if info is None and not self._closing and self._ends is not None:
            info = self._sockets.info(self._ends)
        return make_timing(
            self.request,
            connect=connect,
            tls=tls,
            kernel=info,
            library_answer=0.0 if info else self._answer_time(),
            buffered=info.received_ago if info else 0.0,
            first_byte=curl.getinfo(pycurl.STARTTRANSFER_TIME),
            total=time.monotonic() - self.started,
            reused=self._fresh is None,
            resumed=self._opening is not None and self._opening.resumed,
            body_size=self._body.size,
            held=0.0 if self._hold is None else self._hold.seconds,
        )

    def _answer_time(self) -> float:
        """Seconds from sending to the last byte, by libcurl's clock."""
        answer: float = self.curl.getinfo(pycurl.TOTAL_TIME)
        answer -= self.curl.getinfo(pycurl.PRETRANSFER_TIME)
        return max(0.0, answer)

    def _stream_timing(self, arrived: Arrival) -> Timing:
        """The kernel's data is about the whole connection, so the time of sending is ours."""
        self._end_stream()
        self._sockets.pass_by()
        connect, tls = self._waits()
        answer, off = arrived.since(self._sent)
        now = time.monotonic()
        return make_timing(
            self.request,
            connect=connect,
            tls=tls,
            kernel=None,
            library_answer=answer,
            buffered=max(0.0, now - arrived.latest),
            first_byte=self.curl.getinfo(pycurl.STARTTRANSFER_TIME),
            total=now - self.started,
            reused=self._fresh is None,
            resumed=self._opening is not None and self._opening.resumed,
            body_size=self._body.size,
            held=0.0 if self._hold is None else self._hold.seconds,
            off=off,
        )

    def _waits(self) -> tuple[float, float]:
        """Seconds waited for TCP, and then for a proxy and TLS."""
        curl, opening = self.curl, self._opening
        if opening is None:
            return 0.0, 0.0
        connected = curl.getinfo(pycurl.CONNECT_TIME)
        secured = curl.getinfo(pycurl.APPCONNECT_TIME)
        looked_up = curl.getinfo(pycurl.NAMELOOKUP_TIME)
        return opening.waits(connected - looked_up, max(0.0, secured - connected))
