"""How the file descriptors of the process are shared among requests and kept connections."""

import resource

import msgspec

from crawler.engines.base import CONNECTIONS
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


def share(settings: Settings) -> SocketLimits:
    """Return the configured number of slots, or fewer if the process may not open so many files."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = None if most == resource.RLIM_INFINITY else most - FILES - _files_of_workers(settings)
    # While ``auto`` tries its candidates, each of them keeps connections.
    engines = len(CANDIDATES) if settings.engine == AUTO else 1
    return divide(limit, settings.slots, engines)


def divide(limit: int | None, slots: int, engines: int = 1) -> SocketLimits:
    """Divide ``limit`` descriptors (None: as many as needed) for ``slots`` wanted requests.

    Each of the ``engines`` has room for a connection per slot. As many descriptors again are left
    for connections that are being closed, while others are opened in their place.
    """
    if limit is None:
        return SocketLimits(slots, max(slots, CONNECTIONS))
    slots = max(1, min(slots, limit // (engines + 1)))
    return SocketLimits(slots, max(slots, min(CONNECTIONS, (limit - slots) // engines)))


def _files_of_workers(settings: Settings) -> int:
    return FILES_OF_WORKER * settings.parse_workers if starts_processes(settings.parse) else 0
