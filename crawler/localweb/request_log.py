"""A summary of the requests to a server, to check that several clients sent the same ones."""

import time
from collections import Counter

import msgspec

from crawler.localweb.connection import Seen
from crawler.model.exchange import Headers
from crawler.sinks.warc.records import SECRET

_MAX_HEADS = 16
"""Different heads to keep, at most; requests with further heads are only counted."""


class RequestHead(msgspec.Struct, frozen=True, order=True):
    """The head of requests: ``headers`` are all except Host, sorted, without secret values."""

    version: str
    headers: Headers


class Account(msgspec.Struct, frozen=True):
    """The requests of a period. ``connections`` is the number of new ones, ``missed`` the number of
    requests for URLs that do not exist. ``cpu_s`` is the process's CPU time and ``wait_s`` the sum
    of the planned waits of all answers, both in seconds.
    """

    requests: int
    connections: int
    missed: int
    cpu_s: float
    wait_s: float
    heads: tuple[RequestHead, ...]


class RequestLog:
    """Counts requests. Call ``note`` on the server's thread, ``close`` while the server is idle."""

    def __init__(self) -> None:
        self._heads: Counter[tuple[str, Headers]] = Counter()
        self._requests = 0
        self._wait = 0.0
        self._before = (0, 0, time.process_time())

    def note(self, seen: Seen, wait: float) -> None:
        """Count ``seen``; its answer is planned to take ``wait`` seconds."""
        self._requests += 1
        self._wait += wait
        head = seen.version, tuple(pair for pair in seen.headers if pair[0].lower() != "host")
        if head in self._heads or len(self._heads) < _MAX_HEADS:
            self._heads[head] += 1

    def close(self, connections: int, missed: int) -> Account:
        """Return the account since the last call; the arguments count from the start."""
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
