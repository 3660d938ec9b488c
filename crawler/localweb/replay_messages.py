"""The messages between the replay process and its parent."""

import msgspec

from crawler.model.errors import FailureKind


class ReplayOptions(msgspec.Struct, frozen=True):
    """The archive to serve, and the file for the root of the child's certificates (PEM).

    With ``last``, a URL always returns its last response.
    """

    archive: str
    latency_scale: float
    ca_file: str
    last: bool = False


class ReplayedHost(msgspec.Struct, frozen=True):
    """A host and port of the archive. ``fault`` is set if all requests to it failed that way."""

    host: str
    port: int
    dial: str
    fault: FailureKind | None = None


class Ready(msgspec.Struct, frozen=True):
    """The child's first message; with an ``error``, it is also its last one."""

    error: str = ""
    torn: bool = False
    ca_file: str = ""
    port: int = 0
    refusing_port: int = 0
    places: tuple[ReplayedHost, ...] = ()
    losses: tuple[str, ...] = ()
