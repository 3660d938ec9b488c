"""http.client's response, with the head and the chunks read as RFC 9112 writes them.

http.client accepts much more, and less where it counts: 100 header lines, 64 KiB for a line.
"""

import http.client
import re

from crawler.engines.base import MAX_HEADER_BYTES
from crawler.engines.shared.framing import body_length, check_locations, check_trailer
from crawler.engines.shared.heads import (
    MAX_LINE_BYTES,
    MAX_LINES,
    TOO_LONG_LINE,
    TOO_MANY_LINES,
    Head,
    check_beginning,
    count_interim,
    parse_head,
    parse_line,
)
from crawler.engines.urllib.stream import HttpStream, Phase
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Headers, values_of

_BLANK = (b"\r\n", b"\n")
_CHUNK_LINE = re.compile(rb"0*([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?\r\n")
_CHUNK_CUT = re.compile(rb"[0-9A-Fa-f]*[ \t]*(?:;.*)?\r?")
_MAX_CHUNK = 2**63 - 1


class UrllibResponse(http.client.HTTPResponse):
    """One response; ``fields`` are its headers. Rejects what is malformed or ambiguous."""

    fields: Headers = ()

    def __init__(self, stream: HttpStream, method: str | None = None) -> None:
        super().__init__(stream, method=method)  # type: ignore[arg-type]
        self._stream = stream

    def begin(self) -> None:
        """Read the head, and skip every 1xx response before it. Raises FetchError."""
        head, interim = self._read_head(), 0
        while head.status < 200:
            interim = count_interim(head.status, interim)
            head = self._read_head()
        self.fields = head.headers
        self.headers = self.msg = http.client.HTTPMessage()
        self.code = self.status = head.status
        self.reason = ""
        self.version = 10 if head.version == "1.0" else 11
        self.will_close = True
        self._frame()
        self._stream.phase = Phase.BODY

    def _read_head(self) -> Head:
        lines = [self._read_line()]
        check_beginning(lines[0])
        while lines[-1] not in _BLANK:
            if not lines[-1].endswith(b"\n"):
                raise FetchError(FailureKind.TRUNCATED, "the connection closed inside the headers")
            lines.append(self._read_line())
        return parse_head(b"".join(lines))

    def _read_line(self) -> bytes:
        line = self.fp.readline(MAX_LINE_BYTES)
        if not line and not self._stream.received:
            raise http.client.RemoteDisconnected("no response")
        if len(line) == MAX_LINE_BYTES:
            raise FetchError(FailureKind.PROTOCOL, TOO_LONG_LINE)
        return line

    def _frame(self) -> None:
        """Set the length of the body."""
        check_locations(values_of(self.fields, "location"))
        codings = values_of(self.fields, "transfer-encoding")
        length = body_length(values_of(self.fields, "content-length"), codings)
        bodiless = self._stream.request.is_bodiless(self.status)
        self.length = 0 if bodiless else length
        self.chunked, self.chunk_left = bool(codings) and not bodiless, None

    def _read_next_chunk_size(self) -> int:
        """Accept only hexadecimal digits (RFC 9112, 7.1); http.client accepts more."""
        line = self.fp.readline(MAX_HEADER_BYTES)
        found = _CHUNK_LINE.fullmatch(line)
        if found is not None and int(found[1], 16) <= _MAX_CHUNK:
            return int(found[1], 16)
        if found is None and len(line) < MAX_HEADER_BYTES and _CHUNK_CUT.fullmatch(line):
            raise FetchError(FailureKind.TRUNCATED, "the connection closed inside a chunk size")
        raise FetchError(FailureKind.PROTOCOL, "malformed chunk size")

    def _read_and_discard_trailer(self) -> None:
        """Discard trailers (RFC 9112, 7.1.2), but check their form."""
        count = 0
        while (line := self._read_line()) not in _BLANK:
            count += 1
            if count > MAX_LINES:
                raise FetchError(FailureKind.PROTOCOL, TOO_MANY_LINES)
            if not line.endswith(b"\n"):
                raise FetchError(FailureKind.TRUNCATED, "the connection closed inside the trailers")
            check_trailer(parse_line(line)[0])

    def _safe_read(self, amt: int) -> bytes:
        """Read the CRLF after a chunk and check it; http.client does not check."""
        end: bytes = super()._safe_read(amt)  # type: ignore[misc]
        if end != b"\r\n":
            raise FetchError(FailureKind.PROTOCOL, "a chunk is longer than its declared size")
        return end
