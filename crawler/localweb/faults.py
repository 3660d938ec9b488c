"""Named faults of pages and hosts, and the answers that produce them."""

import gzip
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import lru_cache

import msgspec

from crawler.localweb.connection import CLOSE, RESET, SILENCE, Answer, Step, message

SLOW_SECONDS = 1.0
"""Duration of a slow look-up and of a slow handshake."""
_DRIPS, _DRIP_SECONDS = 8, 0.25
_BOMB_BYTES = 50_000_000
_LINGER = 0.05
"""Seconds between the last bytes and a reset, which would otherwise overtake them."""
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_LINES = b"X-Filler: nothing to see here, and no end to it\r\n" * 100
_PIECE = b"<p>nothing to see here, and no end to it\n" * 1000


class Fault(StrEnum):
    """A fault of a page, or, from ``REFUSED`` on, of a host. Its value is also its name."""

    NOT_FOUND = "not_found"
    """Status 404."""
    GONE = "gone"
    """Status 410."""
    SERVER_ERROR = "server_error"
    """Status 500, each time."""
    BUSY = "busy"
    """Status 503 with ``Retry-After: 0`` the first time, then the page."""
    TOO_MANY = "too_many"
    """Status 429 with ``Retry-After: 1`` the first time, then the page."""
    REDIRECT = "redirect"
    """A redirect to the first page of the host."""
    REDIRECT_LOOP = "redirect_loop"
    """A redirect to itself."""
    BLANK_REDIRECT = "blank_redirect"
    """A redirect with an empty Location."""
    RESET = "reset"
    """The connection is reset before any byte of the response."""
    RESET_MIDWAY = "reset_midway"
    """The connection is reset inside the body."""
    EMPTY = "empty"
    """The connection is closed before any byte of the response."""
    TRUNCATED = "truncated"
    """The body is shorter than its Content-Length."""
    CHUNKS = "chunks"
    """The size of a chunk is not a number."""
    UNENDED = "unended"
    """The last chunk is missing."""
    SILENCE = "silence"
    """The request is accepted and never answered."""
    STALL = "stall"
    """Headers, then silence."""
    SLOW = "slow"
    """The complete response, in eight pieces over two seconds."""
    DRIP = "drip"
    """Headers, then one byte of the body per second."""
    BOMB = "bomb"
    """50 KB of gzip that decompress to 50 MB."""
    ENDLESS_HEADERS = "endless_headers"
    """Header lines without end."""
    ENDLESS_BODY = "endless_body"
    """A body without length and without end."""
    NOT_HTTP = "not_http"
    """The response is of another protocol."""
    MISLABELLED = "mislabelled"
    """Content-Encoding says gzip, but the body is not gzip."""
    WRONG_CHARSET = "wrong_charset"
    """Content-Type says UTF-8, but the body is not UTF-8."""

    REFUSED = "refused"
    """Connections are refused."""
    UNANSWERED = "unanswered"
    """A connection attempt gets no reply, as if a firewall dropped it."""
    NO_DNS = "no_dns"
    """The name does not exist."""
    SLOW_DNS = "slow_dns"
    """Looking up the name takes a second."""
    EXPIRED = "expired"
    """The certificate has expired."""
    WRONG_HOST = "wrong_host"
    """The certificate is for another host."""
    SELF_SIGNED = "self_signed"
    """The certificate is self-signed."""
    UNKNOWN_ROOT = "unknown_root"
    """The certificate comes from an untrusted authority."""
    SLOW_HANDSHAKE = "slow_handshake"
    """The server takes a second to answer the ClientHello."""


DNS_FAULTS = frozenset({Fault.NO_DNS, Fault.SLOW_DNS})
HOST_FAULTS = DNS_FAULTS | {
    Fault.REFUSED,
    Fault.UNANSWERED,
    Fault.EXPIRED,
    Fault.WRONG_HOST,
    Fault.SELF_SIGNED,
    Fault.UNKNOWN_ROOT,
    Fault.SLOW_HANDSHAKE,
}
STATUSES = {Fault.NOT_FOUND: 404, Fault.GONE: 410, Fault.SERVER_ERROR: 500}


def answers(fault: Fault, page: Answer, target: str = "/") -> tuple[Answer, ...]:
    """Answers that give ``page`` at ``target`` the ``fault``, in order; the last one repeats.

    ``page`` has a body and no script; ``fault`` is a fault of pages.
    """
    if fault in STATUSES:
        return (_error_page(STATUSES[fault]),)
    match fault:
        case Fault.BUSY:
            return _error_page(503, ("Retry-After", "0")), page
        case Fault.TOO_MANY:
            return _error_page(429, ("Retry-After", "1")), page
        case Fault.REDIRECT:
            return (_error_page(302, ("Location", "/")),)
        case Fault.REDIRECT_LOOP:
            return (_error_page(302, ("Location", target)),)
        case Fault.BLANK_REDIRECT:
            return (_error_page(302, ("Location", "")),)
        case Fault.BOMB:
            return (_with_header(page, "Content-Encoding", "gzip", _bomb()),)
        case Fault.MISLABELLED:
            return (_with_header(page, "Content-Encoding", "gzip", page.body),)
        case Fault.WRONG_CHARSET:
            body = page.body + "<p>café".encode("cp1252")
            return (_with_header(page, "Content-Type", "text/html; charset=utf-8", body),)
    return (Answer(latency=page.latency, script=_SCRIPTS[fault](page)),)


def _error_page(status: int, *headers: tuple[str, str]) -> Answer:
    text = f"<!DOCTYPE html><title>{status}</title>"
    return Answer(status, (("Content-Type", "text/html; charset=utf-8"), *headers), text.encode())


def _with_header(page: Answer, name: str, value: str, body: bytes) -> Answer:
    kept = (header for header in page.headers if header[0].lower() != name.lower())
    return msgspec.structs.replace(page, headers=(*kept, (name, value)), body=body)


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    return gzip.compress(bytes(_BOMB_BYTES), mtime=0)


def _head(page: Answer) -> bytes:
    return message(page)[: -len(page.body)]


def _half(page: Answer) -> bytes:
    return message(page)[: -len(page.body) // 2]


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _slowly(data: bytes, size: int, seconds: float) -> Iterator[Step]:
    for start in range(0, len(data), size):
        yield seconds
        yield data[start : start + size]


def _in_pieces(page: Answer) -> tuple[Step, ...]:
    whole = message(page)
    return tuple(_slowly(whole, -(-len(whole) // _DRIPS), _DRIP_SECONDS))


_SCRIPTS: dict[Fault, Callable[[Answer], tuple[Step, ...]]] = {
    Fault.RESET: lambda _: (RESET,),
    Fault.RESET_MIDWAY: lambda page: (_half(page), _LINGER, RESET),
    Fault.EMPTY: lambda _: (CLOSE,),
    Fault.TRUNCATED: lambda page: (_half(page), CLOSE),
    Fault.CHUNKS: lambda page: (_CHUNKED, _chunk(page.body), b"many\r\n", page.body, CLOSE),
    Fault.UNENDED: lambda page: (_CHUNKED, _chunk(page.body), CLOSE),
    Fault.SILENCE: lambda _: (SILENCE,),
    Fault.STALL: lambda page: (_head(page), SILENCE),
    Fault.SLOW: _in_pieces,
    Fault.DRIP: lambda page: (_head(page), *_slowly(page.body, 1, 1.0)),
    Fault.ENDLESS_HEADERS: lambda _: (_OK, ("repeat", _LINES, None, 0.0)),
    Fault.ENDLESS_BODY: lambda _: (_OK, b"\r\n", ("repeat", _PIECE, None, 0.0)),
    Fault.NOT_HTTP: lambda _: (b"SSH-2.0-OpenSSH_9.2p1\r\n", CLOSE),
}
