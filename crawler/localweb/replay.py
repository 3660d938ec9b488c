"""Serves a recorded web on loopback, for any engine: ``--replay``."""

import tempfile
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Self

import msgspec

from crawler.fetch.addresses import AddressRules, literal
from crawler.fetch.network import Resolver, mocking
from crawler.localweb.process import Child
from crawler.localweb.replay_messages import Ready, ReplayedHost, ReplayOptions
from crawler.localweb.request_log import Account
from crawler.model.errors import FailureKind, FetchError, StateError, UsageError
from crawler.model.exchange import Endpoint
from crawler.model.urls import DEFAULT_PORTS

_SERVER = "crawler.localweb.replay_server"
_DIED = "the process that served the archive has died"


class ReplayNetwork:
    """The web that a replay process serves; that process may be the child of another one.

    ``unknown`` collects the requested hosts that are not in the archive.
    """

    is_mocked = True

    def __init__(self, ready: Ready) -> None:
        self.ready = ready
        self.ca_file = ready.ca_file or None
        self.unknown: set[str] = set()

    def resolver(self, rules: AddressRules) -> Resolver:
        return ReplayResolver(self.ready, rules, self.unknown)


def replaying(ready: Ready) -> AbstractContextManager[None]:
    """Crawls that start in this context see the web that another process already serves."""
    return mocking(ReplayNetwork(ready))


class Replay:
    """A recorded web: the only network for crawls that start in the context.

    >>> with Replay("run.warc.gz", latency_scale=0) as replay:
    ...     report = crawler.crawl(["https://shop.example/"], engine="aiohttp")

    Every URL returns its recorded responses in order, the last one repeatedly, after the recorded
    wait times ``latency_scale``. A failure is replayed as the same kind of failure; but a host that
    failed only sometimes resets the connection instead. URLs that are not in the archive, and
    requests other than GET, return 404; hosts that are not in it raise FetchError (dns). Another
    process is the server.

    ``torn`` is True if the archive ends inside a record, and ``losses`` are sentences about what
    could not be read in it. Entering raises UsageError if the archive does not exist or is invalid;
    leaving raises StateError if the other process has died.
    """

    def __init__(self, path: str | Path, latency_scale: float = 1.0, *, last: bool = False) -> None:
        """With ``last``, a URL always returns its last response."""
        self._path = path
        self._scale = latency_scale
        self._last = last
        self._stack = ExitStack()
        self.missed = 0
        """Requests for URLs that were not recorded, except robots.txt; valid after leaving."""

    @property
    def unknown_hosts(self) -> list[str]:
        """Requested hosts that are not in the archive."""
        return sorted(self.network.unknown)

    def account(self) -> Account:
        """Summary of the requests since the last call; call it while idle. Raises StateError."""
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
            self.losses = self.network.ready.losses
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
    """Resolves all hosts to the child process; ``unknown`` collects unrecorded hosts."""

    def __init__(self, ready: Ready, rules: AddressRules, unknown: set[str]) -> None:
        self._ready, self._rules, self._unknown = ready, rules, unknown
        self._places = {(place.host, place.port): place for place in ready.places}
        self._hosts = {place.host: place for place in ready.places if place.fault is None}

    def cached(self, host: str, port: int) -> Endpoint | None:
        place = self._places.get((host, port)) or self._other_port(host, port)
        if place is None or place.fault is FailureKind.DNS:
            return None
        refused = place.fault is FailureKind.CONNECT
        dial = self._ready.refusing_port if refused else self._ready.port
        return Endpoint(place.dial, place.dial, dial)

    def _other_port(self, host: str, port: int) -> ReplayedHost | None:
        """A recorded host on another port; there is no https if the archive has none."""
        has_port = self._ready.ca_file or port != DEFAULT_PORTS["https"]
        return self._hosts.get(host) if has_port else None

    def prepare(self, host: str, port: int, at_once: int) -> None:
        """Do nothing: no name is looked up."""

    async def resolve(self, host: str, port: int) -> Endpoint:
        endpoint = self.cached(host, port)
        if endpoint is not None:
            return endpoint
        if (host, port) in self._places:
            message = f"{host} had no address when it was recorded"
            raise FetchError(FailureKind.DNS, message, answered=True)
        if literal(host) is not None:
            self._rules.check(host, port, host)
        self._unknown.add(host)
        raise FetchError(FailureKind.DNS, f"{host} is not in the archive", answered=True)

    def unreachable(self, host: str, port: int, endpoint: Endpoint) -> None:
        """Do nothing: each host has one address."""

    async def close(self) -> None:
        """Do nothing: nothing is open."""


def _decode_ready(line: bytes) -> Ready:
    if not line:
        raise StateError("the archive could not be served; see standard error")
    ready = msgspec.json.decode(line, type=Ready)
    if ready.error:
        raise UsageError(ready.error)
    return ready
