"""Shared by the tests of the engines: their names, requests, and handlers for servers."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from crawler.engines.base import Engine, EngineOptions
from crawler.engines.names import AUTO, ENGINES
from crawler.engines.registry import capabilities_of, make_engine
from crawler.localweb.server import CLOSE, SILENCE, Answer, Ending, Handler, Seen, Server
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Endpoint, Headers, Request

LIBRARIES = {
    "curl": "libcurl",
    "aiohttp": "aiohttp",
    "tornado": "libcurl",
    "threads": "urllib",
    "sequential": "urllib",
    AUTO: "libcurl",
}
"""The library that parses HTTP for an engine. Engines with the same library must not differ."""
PROXIES = {name: capabilities_of(name).proxies for name in (*ENGINES, AUTO)}
"""Schemes of the proxies that each engine supports."""
HEADERS: Headers = (("User-Agent", "contract/1"), ("Accept-Encoding", "gzip"))
SILENT = Answer(script=(SILENCE,))

Outcome = FailureKind | tuple[int, bytes]
"""How a fetch ended: the kind of its error, or status and body."""


class Case(NamedTuple):
    """A malformed response ``raw``, followed by ``ending`` (None: the connection stays open).

    The outcome must be ``expected`` for all engines, except those with a library in ``differs``:
    there it must be one of the listed outcomes, for the reason given. There are several only if
    timing decides.
    """

    raw: bytes
    expected: Outcome
    differs: Mapping[str, tuple[set[Outcome], str]] = MappingProxyType({})
    ending: Ending | None = CLOSE

    def allowed(self, engine_name: str) -> set[Outcome]:
        outcomes, _ = self.differs.get(LIBRARIES[engine_name], ({self.expected}, ""))
        return outcomes


def build(name: str, options: EngineOptions) -> Engine:
    return make_engine(name, options)


def ask(server: Server, path: str = "/", *, host: str | None = None, **changes: Any) -> Request:
    """Return a request for ``path`` of ``server``; ``changes`` set ``dial`` or Request's fields."""
    dial = changes.pop("dial", "127.0.0.1")
    fields = {"headers": HEADERS, "timeout": 10.0, "max_bytes": 1_000_000} | changes
    return Request(server.url(path, host=host), Endpoint(dial, dial, server.port), **fields)


async def outcome(engine: Engine, request: Request) -> Outcome:
    """Fetch; fail if the engine raises anything but FetchError, or does not end in time."""
    try:
        async with asyncio.timeout(request.timeout + 5.0):
            response = await engine.fetch(request)
    except FetchError as error:
        assert error.message
        assert error.message.isprintable(), error.message
        return error.kind
    return response.status, response.body


async def check_case(engine: Engine, name: str, case: Case, server: Server) -> None:
    """Fetch ``/raw``, compare the outcome with ``case``, and check that the next fetch works."""
    patience = 0.3 if case.expected is FailureKind.TIMEOUT else 5.0
    assert await outcome(engine, ask(server, "/raw", timeout=patience)) in case.allowed(name)
    assert await afterwards(engine, ask(server, "/next")) == (200, b"fine")
    assert [seen.target for seen in server.seen] == ["/raw", "/next"]


def answer_case(case: Case) -> Handler:
    """Serve ``case`` at ``/raw``, and the body ``fine`` at all other paths."""
    script = (case.raw,) if case.ending is None else (case.raw, case.ending)
    return lambda seen: Answer(script=script) if seen.target == "/raw" else Answer(body=b"fine")


async def afterwards(engine: Engine, request: Request) -> Outcome:
    """Fetch, and fetch again if a kept connection was closed, which the engine may not know."""
    try:
        response = await engine.fetch(request)
    except FetchError as error:
        assert error.reused
        return await outcome(engine, request)
    return response.status, response.body


def once_a_connection(first: Answer, then: Ending) -> Handler:
    """Return ``first`` once per connection; each further request on it gets ``then``."""
    used: set[int] = set()

    def answer(seen: Seen) -> Answer:
        if seen.connection in used:
            return Answer(script=(then,))
        used.add(seen.connection)
        return first

    return answer


class Arrivals:
    """A handler that sets ``all_in`` after ``count`` requests; it returns ``answer``."""

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
    """Fail if the process grows by ``limit`` bytes in the block (proc(5); Linux only)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # reset the peak
    except OSError:
        yield
        return
    before = _peak_bytes()
    yield
    assert _peak_bytes() - before < limit


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
