"""What the process that replays an archive and its parent say to each other."""

import msgspec

from crawler.model.errors import FailureKind


class ReplayOptions(msgspec.Struct, frozen=True):
    """What the child serves, and where it writes the root (PEM) of its certificates.

    With ``last`` a URL has but its last answer, however often it was asked for.
    """

    archive: str
    latency_scale: float
    ca_file: str
    last: bool = False


class ReplayedHost(msgspec.Struct, frozen=True):
    """A host and port of the archive. ``fault`` is how all that was asked of it failed."""

    host: str
    port: int
    dial: str
    fault: FailureKind | None = None


class Ready(msgspec.Struct, frozen=True):
    """What the child says first; with an ``error`` there is nothing else to say."""

    error: str = ""
    torn: bool = False
    ca_file: str = ""
    port: int = 0
    refusing_port: int = 0
    places: tuple[ReplayedHost, ...] = ()
