"""What can be wrong on the web, by name, and what a server says then."""

import gzip
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import lru_cache

import msgspec

from crawler.localweb.connection import CLOSE, RESET, SILENCE, Answer, Step, message

SLOW_SECONDS = 1.0
"""How long a slow look-up and a slow handshake take."""
_DRIPS, _DRIP_SECONDS = 8, 0.25
_BOMB_BYTES = 50_000_000
_LINGER = 0.05
"""Seconds between the last bytes and a reset, which would overtake them."""
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_LINES = b"X-Filler: nothing to see here, and no end to it\r\n" * 100
_PIECE = b"<p>nothing to see here, and no end to it\n" * 1000


class Fault(StrEnum):
    """What is wrong with a page, or from ``REFUSED`` on with a host; also known by its value."""

    NOT_FOUND = "not_found"
    """Status 404."""
    GONE = "gone"
    """Status 410."""
    SERVER_ERROR = "server_error"
    """Status 500, each time."""
    BUSY = "busy"
    """Status 503 with ``Retry-After: 0`` the first time, then all is well."""
    TOO_MANY = "too_many"
    """Status 429 with ``Retry-After: 1`` the first time, then all is well."""
    REDIRECT = "redirect"
    """A redirect to the first page of the host."""
    REDIRECT_LOOP = "redirect_loop"
    """A redirect to itself."""
    BLANK_REDIRECT = "blank_redirect"
    """A redirect with an empty Location."""
    RESET = "reset"
    """The connection is reset before anything was said."""
    RESET_MIDWAY = "reset_midway"
    """The connection is reset within the body."""
    EMPTY = "empty"
    """The connection is closed before anything was said."""
    TRUNCATED = "truncated"
    """The body is shorter than its Content-Length."""
    CHUNKS = "chunks"
    """The size of a chunk is no number."""
    UNENDED = "unended"
    """The last chunk is missing."""
    SILENCE = "silence"
    """The request is taken and never answered."""
    STALL = "stall"
    """Headers, then silence."""
    SLOW = "slow"
    """The whole answer, in eight pieces over two seconds."""
    DRIP = "drip"
    """Headers, then a byte of the body each second."""
    BOMB = "bomb"
    """50 KB of gzip that become 50 MB."""
    ENDLESS_HEADERS = "endless_headers"
    """Header lines without end."""
    ENDLESS_BODY = "endless_body"
    """A body without length and without end."""
    NOT_HTTP = "not_http"
    """The answer of some other protocol."""
    MISLABELLED = "mislabelled"
    """Content-Encoding says gzip, and it is not."""
    WRONG_CHARSET = "wrong_charset"
    """Content-Type says UTF-8, and it is not."""

    REFUSED = "refused"
    """Connections are refused."""
    UNANSWERED = "unanswered"
    """To connect gets no answer, as if a firewall dropped it."""
    NO_DNS = "no_dns"
    """The name does not exist."""
    SLOW_DNS = "slow_dns"
    """Looking up the name takes a second."""
    EXPIRED = "expired"
    """The certificate has expired."""
    WRONG_HOST = "wrong_host"
    """The certificate is another host's."""
    SELF_SIGNED = "self_signed"
    """The certificate is signed by itself."""
    UNKNOWN_ROOT = "unknown_root"
    """The certificate is of an authority that nobody trusts."""
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
    """What is said in turn, the last for good, where ``page`` at ``target`` has ``fault``.

    ``page`` has a body and no script; ``fault`` is one of a page.
    """
    if fault in STATUSES:
        return (_explained(STATUSES[fault]),)
    match fault:
        case Fault.BUSY:
            return _explained(503, ("Retry-After", "0")), page
        case Fault.TOO_MANY:
            return _explained(429, ("Retry-After", "1")), page
        case Fault.REDIRECT:
            return (_explained(302, ("Location", "/")),)
        case Fault.REDIRECT_LOOP:
            return (_explained(302, ("Location", target)),)
        case Fault.BLANK_REDIRECT:
            return (_explained(302, ("Location", "")),)
        case Fault.BOMB:
            return (_labelled(page, "Content-Encoding", "gzip", _bomb()),)
        case Fault.MISLABELLED:
            return (_labelled(page, "Content-Encoding", "gzip", page.body),)
        case Fault.WRONG_CHARSET:
            body = page.body + "<p>café".encode("cp1252")
            return (_labelled(page, "Content-Type", "text/html; charset=utf-8", body),)
    return (Answer(latency=page.latency, script=_SCRIPTS[fault](page)),)


def _explained(status: int, *headers: tuple[str, str]) -> Answer:
    text = f"<!DOCTYPE html><title>{status}</title>"
    return Answer(status, (("Content-Type", "text/html; charset=utf-8"), *headers), text.encode())


def _labelled(page: Answer, name: str, value: str, body: bytes) -> Answer:
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
