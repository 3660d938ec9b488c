"""A crawl's exchanges as records of a WARC archive.

An exchange is a request, its response and a metadata record with the timing. A failed exchange has
the error in its metadata and no response.
"""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import NamedTuple, Self

import msgspec

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Headers, Request, Response
from crawler.model.secrets import Hide
from crawler.model.urls import authority, origin, without_controls
from crawler.model.version import __version__
from crawler.sinks.warc.format import digest, encode, new_id

SECRET = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
"""Headers whose values are never written to an archive, in requests as in responses."""
TRANSFER_CODING = "x-archive-transfer-encoding"
"""Replaces Transfer-Encoding, because the body is stored without its transfer coding."""

METHOD = "WARC-Request-Method"
"""The method of an exchange, if it is not GET: then its response is not the page of its URL. No
field of the standard says that, and others are allowed (WARC 1.1, 4)."""

_USERINFO = re.compile(r"((?:https?:[/\\]*|(?<![^\s,;=<\"'])[/\\]{2,}))[^/\\?#\s]*@", re.IGNORECASE)
_URL_HEADERS = {"location", "content-location", "refresh", "link"}
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FIELDS = "application/warc-fields"
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_FAST = 1
_STORED = 0


class Secrecy(NamedTuple):
    """What else is a secret: the values of request ``headers`` (names in lower case), and what
    ``hide`` takes out of messages. What servers sent stays as it is, except for their cookies.
    """

    headers: frozenset[str] = frozenset()
    hide: Hide = str


NO_SECRETS = Secrecy()


class Exchange(msgspec.Struct, frozen=True):
    """One request and how it ended: ``response``, or ``error`` with its ``message``.

    ``at`` is when it began, or when it failed (Unix time in seconds). ``address`` is the IP address
    of the server, or empty. ``body`` is None if the request says nothing of a length.
    """

    url: str
    headers: Headers
    address: str
    at: float
    response: Response | None = None
    error: FailureKind | None = None
    message: str = ""
    method: str = "GET"
    body: bytes | None = None

    @classmethod
    def of(cls, request: Request, answer: Response | FetchError) -> Self:
        """The exchange that has just ended."""
        url, headers, address = request.url, request.headers, request.endpoint.address
        method, body = request.method, request.body
        if body is None and request.content_length is not None:
            body = b""
        now = time.time()
        if isinstance(answer, FetchError):
            error, message = answer.kind, answer.message
            return cls(url, headers, address, now, None, error, message, method, body)
        at = now - answer.timing.total
        return cls(url, headers, address, at, answer, method=method, body=body)


def beginning(name: str, *, gzip: bool) -> bytes:
    """The first record of an archive with file name ``name``."""
    fields = (
        ("WARC-Type", "warcinfo"),
        ("WARC-Record-ID", new_id()),
        ("WARC-Date", _date(time.time())),
        ("WARC-Filename", name),
        ("Content-Type", _FIELDS),
    )
    about = (("software", f"crawler/{__version__}"), ("format", "WARC File Format 1.1"))
    return encode(fields, _lines(about), gzip=_FAST if gzip else None)


def records(exchange: Exchange, secrecy: Secrecy = NO_SECRETS, *, gzip: bool) -> bytes:
    """Request, response if there is one, and metadata, without secrets."""
    response = exchange.response
    request_id, answer_id = new_id(), new_id()
    level = _FAST if gzip else None
    written = _record(exchange, "request", request_id, _request(exchange, secrecy), gzip=level)
    linked: Headers = (("WARC-Concurrent-To", request_id),)
    if response is not None:
        linked = (*linked, ("WARC-Payload-Digest", digest(response.body)))
        # Compressing a compressed body again costs time and saves nothing.
        coded = gzip and response.header("content-encoding") is not None
        block = _response_head(response) + response.body
        level_here = _STORED if coded else level
        written += _record(exchange, "response", answer_id, block, linked, gzip=level_here)
        linked = (("WARC-Concurrent-To", answer_id),)
    about = _lines(_facts(exchange, secrecy.hide))
    return written + _record(exchange, "metadata", new_id(), about, linked, gzip=level)


def _record(
    exchange: Exchange,
    kind: str,
    record_id: str,
    block: bytes,
    linked: Headers = (),
    *,
    gzip: int | None,
) -> bytes:
    http = f"application/http; msgtype={kind}"
    fields = [
        ("WARC-Type", kind),
        ("WARC-Record-ID", record_id),
        ("WARC-Date", _date(exchange.at)),
        ("WARC-Target-URI", exchange.url),
        *linked,
        ("Content-Type", _FIELDS if kind == "metadata" else http),
    ]
    if exchange.method != "GET":
        fields.append((METHOD, exchange.method))
    if exchange.address and kind != "metadata":
        fields.append(("WARC-IP-Address", exchange.address))
    return encode(tuple(fields), block, gzip=gzip)


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def _request(exchange: Exchange, secrecy: Secrecy) -> bytes:
    target = exchange.url.removeprefix(origin(exchange.url))
    headers: Headers = (("Host", authority(exchange.url)), *exchange.headers)
    body = b""
    if exchange.body is not None:
        body = secrecy.hide(exchange.body.decode("latin-1")).encode("latin-1")
        headers = (*headers, ("Content-Length", str(len(body))))
    first = f"{exchange.method} {target} HTTP/1.1"
    return _http_head(first, headers, SECRET | secrecy.headers) + body


def _response_head(response: Response) -> bytes:
    """The head as received, with the framing headers changed to match the stored body."""
    headers = []
    for name, value in response.headers:
        if name == "transfer-encoding":
            headers.append((TRANSFER_CODING, value))
        elif name != "content-length":
            headers.append((name, value))
    headers.append(("content-length", str(len(response.body))))
    version = "1.0" if response.http_version == "1.0" else "1.1"
    reason = _REASONS.get(response.status, "")
    return _http_head(f"HTTP/{version} {response.status} {reason}", headers)


def _http_head(
    first: str, headers: list[tuple[str, str]] | Headers, secret: frozenset[str] = SECRET
) -> bytes:
    lines = [first, *(f"{name}: {_public(name.lower(), value, secret)}" for name, value in headers)]
    text = "\r\n".join(_CONTROL.sub(" ", line) for line in lines)
    return f"{text}\r\n\r\n".encode("latin-1", "replace")


def _public(name: str, value: str, secret: frozenset[str]) -> str:
    if name in secret:
        return "redacted"
    return _USERINFO.sub(r"\1", without_controls(value)) if name in _URL_HEADERS else value


def _facts(exchange: Exchange, hide: Hide) -> Iterator[tuple[str, str]]:
    if exchange.error is not None:
        yield "error", exchange.error.value
        yield "message", hide(exchange.message)
    if exchange.response is not None:
        yield "http_version", exchange.response.http_version
        for name, value in msgspec.structs.asdict(exchange.response.timing).items():
            yield name, f"{value:.6f}" if isinstance(value, float) else str(value)


def _lines(fields: Iterator[tuple[str, str]] | Headers) -> bytes:
    return "".join(f"{name}: {_CONTROL.sub(' ', value)}\r\n" for name, value in fields).encode()
