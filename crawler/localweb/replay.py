"""A recorded web, served again on loopback to any engine: ``--replay``."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import msgspec

from crawler.fetch.addresses import AddressRules, literal
from crawler.fetch.network import Resolver, mocking
from crawler.localweb.process import Child
from crawler.localweb.replay_messages import Ready, ReplayOptions
from crawler.localweb.request_log import Account
from crawler.model.errors import FailureKind, FetchError, StateError, UsageError
from crawler.model.exchange import Endpoint

_SERVER = "crawler.localweb.replay_server"
_DIED = "the process that served the archive has died"


class ReplayNetwork:
    """The web that a replaying process serves; it may be the child of another process.

    ``unknown`` gets the hosts that were asked for and are not in the archive.
    """

    is_mocked = True

    def __init__(self, ready: Ready) -> None:
        self.ready = ready
        self.ca_file = ready.ca_file
        self.unknown: set[str] = set()

    def resolver(self, rules: AddressRules) -> Resolver:
        return ReplayResolver(self.ready, rules, self.unknown)


class Replay:
    """The web that an archive holds is all there is, for crawls begun within the context.

    >>> with Replay("run.warc.gz", latency_scale=0) as replay:
    ...     report = crawler.crawl(["https://shop.example/"], engine="aiohttp")

    Every URL gives its recorded answers in order, the last of them for good, after the wait that
    was measured, times ``latency_scale``; failures come as failures of their kind, though a host
    that failed only at times resets the connection instead. What was not recorded is a 404, or on
    a host that was not a FetchError (dns). Another process serves.

    ``torn``: the archive ends within a record. Entering raises UsageError where there is no such
    archive; leaving, StateError where the other process has died.
    """

    def __init__(self, path: str | Path, latency_scale: float = 1.0, *, last: bool = False) -> None:
        """With ``last`` a URL gives its last answer from the beginning."""
        self._path = path
        self._scale = latency_scale
        self._last = last
        self._stack = ExitStack()
        self.missed = 0
        """Requests for what was not recorded, robots.txt aside; known once it was left."""

    @property
    def unknown_hosts(self) -> list[str]:
        """Hosts that were asked for and are not in the archive."""
        return sorted(self.network.unknown)

    def account(self) -> Account:
        """What was asked since the last account, once nobody asks. Raises StateError."""
        line = self._child.ask()
        if not line:
            raise StateError(_DIED)
        return msgspec.json.decode(line, type=Account)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="crawler-"))
            ca_file = str(Path(folder, "ca.pem"))
            options = ReplayOptions(str(self._path), self._scale, ca_file, self._last)
            self._child = stack.enter_context(Child(_SERVER, options))
            self.network = ReplayNetwork(_decode_ready(self._child.line()))
            self.torn = self.network.ready.torn
            stack.enter_context(mocking(self.network))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._stack:
            last = self._child.last_line()
            if last:
                self.missed = int(last)
            elif kind is None:
                raise StateError(_DIED)


class ReplayResolver:
    """Leads to the child, and nowhere else; ``unknown`` gets the hosts it does not know."""

    def __init__(self, ready: Ready, rules: AddressRules, unknown: set[str]) -> None:
        self._ready, self._rules, self._unknown = ready, rules, unknown
        self._places = {(place.host, place.port): place for place in ready.places}
        self._hosts = {place.host: place for place in ready.places if place.fault is None}

    def cached(self, host: str, port: int) -> Endpoint | None:
        place = self._places.get((host, port)) or self._hosts.get(host)
        if place is None or place.fault is FailureKind.DNS:
            return None
        refused = place.fault is FailureKind.CONNECT
        dial = self._ready.refusing_port if refused else self._ready.port
        return Endpoint(place.dial, place.dial, dial)

    async def resolve(self, host: str, port: int) -> Endpoint:
        endpoint = self.cached(host, port)
        if endpoint is not None:
            return endpoint
        if (host, port) in self._places:
            raise FetchError(FailureKind.DNS, f"{host} had no address when it was recorded")
        if literal(host) is not None:
            self._rules.check(host, port, host)
        self._unknown.add(host)
        raise FetchError(FailureKind.DNS, f"{host} is not in the archive")

    async def close(self) -> None:
        """Nothing is open."""


def _decode_ready(line: bytes) -> Ready:
    if not line:
        raise StateError("the archive could not be served; standard error says why")
    ready = msgspec.json.decode(line, type=Ready)
    if ready.error:
        raise UsageError(ready.error)
    return ready
