"""What tests of the engines share: which there are, requests for them, servers to ask."""

import asyncio
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crawler.engines.base import Engine, EngineOptions
from crawler.errors import FetchError, Kind
from crawler.model import Endpoint, Headers, Request
from crawler.settings import AUTO
from crawler.testing.server import SILENCE, Answer, Seen, Server

ENGINES = {
    "curl": "CurlEngine",
    "aiohttp": "AiohttpEngine",
    "tornado": "TornadoEngine",
    "threads": "ThreadsEngine",
    "sequential": "SequentialEngine",
}
HEADERS: Headers = (("User-Agent", "contract/1"), ("Accept-Encoding", "gzip"))
SILENT = Answer(script=(SILENCE,))

Outcome = Kind | tuple[int, bytes]
"""How a fetch ended: the kind of its error, or status and body."""


def build(name: str, options: EngineOptions) -> Engine:
    """Import the engine only here: a broken one fails its own tests and no others."""
    if name == AUTO:
        from crawler.build import make_engine

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
        assert "Traceback" not in error.message
        return error.kind
    return response.status, response.body


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
