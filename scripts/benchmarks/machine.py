"""The machine and the software that figures are taken on."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import pycurl

_PACKAGES = ("aiohttp", "can_ada", "msgspec", "pycurl", "selectolax", "tornado", "uvloop")
"""Those whose version can change a figure."""


class Machine(msgspec.Struct, frozen=True):
    """``cores`` are those that we may use; ``load`` is the mean of the last minute."""

    at: str
    python: str
    system: str
    cpu: str
    cores: int
    load: float
    versions: dict[str, str]


def this_machine() -> Machine:
    return Machine(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        python=platform.python_version(),
        system=platform.platform(),
        cpu=cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        load=os.getloadavg()[0],
        versions={**{name: version(name) for name in _PACKAGES}, "libcurl": _libcurl()},
    )


def cpu_model(path: Path = Path("/proc/cpuinfo")) -> str:
    """The name that Linux has for it; on some architectures it has only the architecture's."""
    names = (line.partition(":") for line in path.read_text().splitlines())
    models = (value.strip() for name, _, value in names if name.strip() == "model name")
    return next(models, platform.machine())


def _libcurl() -> str:
    return str(pycurl.version_info()[1])
