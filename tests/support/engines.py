"""What tests of the engines share: which there are, requests for them, servers to ask."""

import asyncio
import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from crawler.engines.base import Engine, EngineOptions
from crawler.engines.names import AUTO
from crawler.localweb.server import CLOSE, SILENCE, Answer, Ending, Handler, Seen, Server
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Endpoint, Headers, Request

ENGINES = {
    "curl": "CurlEngine",
    "aiohttp": "AiohttpEngine",
    "tornado": "TornadoEngine",
    "threads": "ThreadsEngine",
    "sequential": "SequentialEngine",
}
LIBRARIES = {
    "curl": "libcurl",
    "aiohttp": "aiohttp",
    "tornado": "libcurl",
    "threads": "urllib",
    "sequential": "urllib",
    AUTO: "libcurl",
}
"""What parses HTTP for an engine. Engines on the same library must not differ."""
PROXIES = {
    "curl": ("http", "https", "socks5"),
    "aiohttp": ("http",),
    "tornado": ("http", "https", "socks5"),
    "threads": ("http",),
    "sequential": ("http",),
    AUTO: ("http",),
}
"""Schemes of the proxies that each can ask."""
HEADERS: Headers = (("User-Agent", "contract/1"), ("Accept-Encoding", "gzip"))
SILENT = Answer(script=(SILENCE,))

Outcome = FailureKind | tuple[int, bytes]
"""How a fetch ended: the kind of its error, or status and body."""


class Case(NamedTuple):
    """A malformed answer, ``raw``, then ``ending`` (None: the connection is kept).

    All engines end it as ``expected``, but those on a library in ``differs``: by one of the
    outcomes there, for the reason there. There are several only where timing decides.
    """

    raw: bytes
    expected: Outcome
    differs: Mapping[str, tuple[set[Outcome], str]] = MappingProxyType({})
    ending: Ending | None = CLOSE

    def allowed(self, engine_name: str) -> set[Outcome]:
        outcomes, _ = self.differs.get(LIBRARIES[engine_name], ({self.expected}, ""))
        return outcomes


def build(name: str, options: EngineOptions) -> Engine:
    """Import the engine only here: a broken one fails its own tests and no others."""
    if name == AUTO:
        from crawler.engines.registry import make_engine

        return make_engine(name, options)
    engine: Engine = getattr(importlib.import_module(f"crawler.engines.{name}"), ENGINES[name])(
        options
    )
    return engine


def ask(server: Server, path: str = "/", *, host: str | None = None, **changes: Any) -> Request:
    """Return a request for ``path`` of ``server``; ``dial`` and the fields of Request differ."""
    dial = changes.pop("dial", "127.0.0.1")
    fields = {"headers": HEADERS, "timeout": 10.0, "max_bytes": 1_000_000} | changes
    return Request(server.url(path, host=host), Endpoint(dial, dial, server.port), **fields)


async def outcome(engine: Engine, request: Request) -> Outcome:
    """Fetch, and fail on any exception that no engine may raise, and on a fetch without end."""
    try:
        async with asyncio.timeout(request.timeout + 5.0):
            response = await engine.fetch(request)
    except FetchError as error:
        assert error.message
        assert error.message.isprintable(), error.message
        return error.kind
    return response.status, response.body


async def check_case(engine: Engine, name: str, case: Case, server: Server) -> None:
    """Fetch ``/raw``, hold it against ``case``, and see that the next fetch is untouched."""
    patience = 0.3 if case.expected is FailureKind.TIMEOUT else 5.0
    assert await outcome(engine, ask(server, "/raw", timeout=patience)) in case.allowed(name)
    assert await afterwards(engine, ask(server, "/next")) == (200, b"fine")
    assert [seen.target for seen in server.seen] == ["/raw", "/next"]


def answer_case(case: Case) -> Handler:
    """Serve ``case`` as ``/raw``, and a page that is ``fine`` elsewhere."""
    script = (case.raw,) if case.ending is None else (case.raw, case.ending)
    return lambda seen: Answer(script=script) if seen.target == "/raw" else Answer(body=b"fine")


async def afterwards(engine: Engine, request: Request) -> Outcome:
    """Fetch, and again if a kept connection turned out to be closed, which nobody can know."""
    try:
        response = await engine.fetch(request)
    except FetchError as error:
        assert error.reused
        return await outcome(engine, request)
    return response.status, response.body


def once_a_connection(first: Answer, then: Ending) -> Handler:
    """Give ``first`` on each connection; whatever else is asked for on it ends it: ``then``."""
    used: set[int] = set()

    def answer(seen: Seen) -> Answer:
        if seen.connection in used:
            return Answer(script=(then,))
        used.add(seen.connection)
        return first

    return answer


class Arrivals:
    """A handler that sets ``all_in`` once ``count`` requests have come; it gives ``answer``."""

    def __init__(self, count: int = 1, answer: Answer = SILENT) -> None:
        self.all_in = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._missing = count
        self._answer = answer

    def __call__(self, seen: Seen) -> Answer:
        self._missing -= 1
        if self._missing == 0:
            self._loop.call_soon_threadsafe(self.all_in.set)
        return self._answer

    async def wait(self) -> None:
        async with asyncio.timeout(20):
            await self.all_in.wait()


@contextmanager
def little_memory(limit: int = 50_000_000) -> Iterator[None]:
    """Fail if the block makes the process larger by ``limit`` bytes (proc(5); Linux only)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    except OSError:
        yield
        return
    before = _peak_bytes()
    yield
    assert _peak_bytes() - before < limit


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
