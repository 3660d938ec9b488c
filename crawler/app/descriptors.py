"""How the file descriptors of the process are shared among requests and kept connections."""

import math
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from crawler.engines.base import CONNECTIONS, Capabilities
from crawler.engines.names import AUTO, CANDIDATES
from crawler.parsing.executors.names import starts_processes
from crawler.settings import Settings

FILES = 32
"""File descriptors for other purposes than requests and parse processes."""
FILES_OF_WORKER = 10
"""File descriptors for each parse process: its pipes, in this process."""


class SocketLimits(msgspec.Struct, frozen=True):
    """At most ``slots`` requests in flight, and ``connections`` that an engine has open."""

    slots: int
    connections: int


@contextmanager
def enough_files(settings: Settings) -> Iterator[None]:
    """Within the context, this process may open as many files as a crawl needs.

    Or as its hard limit allows: getrlimit(2). Only for processes that do nothing else than crawl:
    select(2) cannot wait for a descriptor above 1,023.
    """
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _needed(settings)
    if before == resource.RLIM_INFINITY or before >= most:
        yield
        return
    raised = most if hard == resource.RLIM_INFINITY else max(before, min(hard, most))
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


def _needed(settings: Settings) -> int:
    """As many that ``divide`` does not have to lower anything."""
    connections = max(settings.fetch_slots, CONNECTIONS)
    return settings.fetch_slots + _engines(settings) * connections + _other_files(settings)


def share(settings: Settings) -> SocketLimits:
    """Return the configured number of slots, or fewer if the process may not open so many files."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = None if most == resource.RLIM_INFINITY else most - _other_files(settings)
    return divide(limit, settings.fetch_slots, _engines(settings))


def kept_connections(settings: Settings, engine: Capabilities) -> float:
    """How many connections ``engine`` can keep; infinite if it keeps none, whatever comes next."""
    return share(settings).connections if engine.keep_alive else math.inf


def divide(limit: int | None, slots: int, engines: int = 1) -> SocketLimits:
    """Divide ``limit`` descriptors (None: as many as needed) for ``slots`` wanted requests.

    Each of the ``engines`` has room for a connection per slot. As many descriptors again are left
    for connections that are being closed, while others are opened in their place.
    """
    if limit is None:
        return SocketLimits(slots, max(slots, CONNECTIONS))
    slots = max(1, min(slots, limit // (engines + 1)))
    return SocketLimits(slots, max(slots, min(CONNECTIONS, (limit - slots) // engines)))


def _engines(settings: Settings) -> int:
    """While ``auto`` tries its candidates, each of them keeps connections."""
    return len(CANDIDATES) if settings.engine == AUTO else 1


def _other_files(settings: Settings) -> int:
    workers = settings.parse_workers if starts_processes(settings.parse) else 0
    return FILES + FILES_OF_WORKER * workers
