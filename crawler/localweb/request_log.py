"""What a server was asked, added up: for whoever wants to know that clients asked alike."""

import time
from collections import Counter

import msgspec

from crawler.localweb.connection import Seen
from crawler.model.exchange import Headers
from crawler.sinks.warc.records import SECRET

_KINDS = 16
"""Different heads that are told apart; what comes beyond is only counted."""


class RequestHead(msgspec.Struct, frozen=True, order=True):
    """How requests began: ``headers`` are all but Host, sorted; what is secret is left out."""

    version: str
    headers: Headers


class Account(msgspec.Struct, frozen=True):
    """A stretch of time. ``connections`` were newly made, ``missed`` requests were for nothing
    that there is, ``cpu_s`` is the process's CPU time and ``wait_s`` the sum of the waits that the
    answers were to take, both in seconds.
    """

    requests: int
    connections: int
    missed: int
    cpu_s: float
    wait_s: float
    heads: tuple[RequestHead, ...]


class RequestLog:
    """Adds up. ``note`` belongs to the server's thread; ``close`` is called while it is idle."""

    def __init__(self) -> None:
        self._heads: Counter[tuple[str, Headers]] = Counter()
        self._requests = 0
        self._wait = 0.0
        self._before = (0, 0, time.process_time())

    def note(self, seen: Seen, wait: float) -> None:
        """The answer to ``seen`` is to take ``wait`` seconds."""
        self._requests += 1
        self._wait += wait
        kind = seen.version, tuple(pair for pair in seen.headers if pair[0].lower() != "host")
        if kind in self._heads or len(self._heads) < _KINDS:
            self._heads[kind] += 1

    def close(self, connections: int, missed: int) -> Account:
        """Give the account since the last one; the arguments count from the very beginning."""
        now = (connections, missed, time.process_time())
        connected, lost, cpu = (new - old for new, old in zip(now, self._before, strict=True))
        heads = {RequestHead(version, _public(headers)) for version, headers in self._heads}
        account = Account(
            self._requests, int(connected), int(lost), cpu, self._wait, tuple(sorted(heads))
        )
        self._heads.clear()
        self._requests, self._wait, self._before = 0, 0.0, now
        return account


def _public(headers: Headers) -> Headers:
    return tuple(
        sorted((name, "…" if name.lower() in SECRET else value) for name, value in headers)
    )
