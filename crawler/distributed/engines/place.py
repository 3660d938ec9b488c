"""Where workers are: the text after ``--on``, as a record."""

import re
from types import MappingProxyType
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from crawler.model.errors import UsageError
from crawler.model.secrets import HIDDEN, Secrets

STARTED_HERE = ("local", "dask", "ray")
"""Engines that ``NAME`` or ``NAME:SLOTS`` starts on this machine."""
_SCHEMES = MappingProxyType(
    {
        "dask": ("dask", "tcp", 8786),
        "tcp": ("dask", "tcp", 8786),
        "tls": ("dask", "tls", 8786),
        "ray": ("ray", "ray", 10001),
        "celery+redis": ("celery", "redis", 6379),
        "celery+rediss": ("celery", "rediss", 6379),
        "celery+amqp": ("celery", "amqp", 5672),
        "celery+amqps": ("celery", "amqps", 5671),
    }
)
"""Scheme → engine, the scheme that its library expects, and the default port."""
FORMS = (
    "local, local:SLOTS, dask, dask://HOST:PORT, tls://HOST:PORT, ray, ray://HOST:PORT, "
    "celery+redis://HOST:PORT/0 or celery+amqp://HOST:PORT"
)
"""What ``--on`` accepts, for the help and for messages."""
EXAMPLE = "celery+redis://HOST:6379/0"
_HERE = re.compile(rf"({'|'.join(STARTED_HERE)})(?::([1-9]\d{{0,3}}))?", re.ASCII)
_USERINFO = re.compile(r"(?<=://).*@", re.DOTALL)


class WorkerPlace(msgspec.Struct, frozen=True):
    """Where workers are.

    ``engine`` is a name of the registry. ``address`` is the URL that its library expects; None:
    the engine is started on this machine. ``host`` and ``port`` are those of the address.
    ``slots`` is the number of slots to start, or the most to use of workers that exist; None: as
    many as there are cores, or slots. ``shown`` is the text after ``--on`` for messages: without
    a login.
    """

    engine: str
    shown: str
    address: str | None = None
    host: str = ""
    port: int = 0
    slots: int | None = None

    @property
    def at(self) -> str:
        """``host:port``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def hide(self, text: str) -> str:
        """Return the ``text`` of a library without the password of the address."""
        password = urlsplit(self.address or "").password or ""
        return Secrets((password, unquote(password))).hide(text)


def place_of(on: str) -> WorkerPlace:
    """Read the text after ``--on``. Raises UsageError, which says what to type and has no login."""
    here = _HERE.fullmatch(on)
    if here:
        return WorkerPlace(here[1], on, slots=int(here[2]) if here[2] else None)
    shown = _USERINFO.sub(f"{HIDDEN}@", on).partition("?")[0]
    scheme, found, rest = on.partition("://")
    if on == "celery":
        raise UsageError(f"--on celery: name the broker, such as {EXAMPLE}")
    if not found or scheme not in _SCHEMES:
        raise UsageError(f"--on {shown}: it must be {FORMS}")
    engine, scheme, default_port = _SCHEMES[scheme]
    parts, host, port = _split(f"{scheme}://{rest}", shown)
    if engine != "celery" and (parts.path.strip("/") or parts.query or "@" in parts.netloc):
        raise UsageError(f"--on {shown}: only a host and a port can follow ://")
    place = WorkerPlace(engine, shown, host=host, port=default_port if port is None else port)
    login, at, _ = parts.netloc.rpartition("@")
    # With its port, which not every library knows.
    address = parts._replace(netloc=f"{login}{at}{place.at}").geturl()
    return msgspec.structs.replace(place, address=address)


def _split(url: str, shown: str) -> tuple[SplitResult, str, int | None]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # its text quotes what may be a password
        host = port = None
    if not host or port == 0:
        raise UsageError(f"--on {shown}: HOST:PORT must follow ://, with a port from 1 to 65535")
    return parts, host, port
