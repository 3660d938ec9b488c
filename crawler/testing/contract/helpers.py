"""Shared by the tests of the contract: requests, their outcomes, handlers for servers."""

import asyncio
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from crawler.engines.base import Engine
from crawler.localweb.connection import SILENCE, Answer, Ending, Handler, Seen, Step
from crawler.localweb.server import Server
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Endpoint, Headers, Proxy, Request, Response

SCHEMES = ("http", "https")
HEADERS: Headers = (("User-Agent", "contract/1"), ("Accept-Encoding", "gzip"))
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SILENT = Answer(script=(SILENCE,))
TRUSTING = "verify=False accepts every certificate"
GRACE = 5.0
"""Seconds that a fetch may outlast its deadline, because the machine may be busy."""

FetchOutcome = FailureKind | tuple[int, bytes]
"""How a fetch ended: the kind of its error, or status and body."""


def script(*steps: Step) -> Answer:
    return Answer(script=steps)


def ask(
    server: Server,
    path: str = "/",
    *,
    host: str | None = None,
    dial: str = "127.0.0.1",
    headers: Headers = HEADERS,
    timeout: float = 10.0,
    max_bytes: int = 1_000_000,
    verify: bool = True,
    proxy: Proxy | None = None,
) -> Request:
    """Return a request for ``path`` of ``server``, which ``dial`` leads to."""
    endpoint = Endpoint(dial, dial, server.port)
    url = server.url(path, host=host)
    return Request(url, endpoint, headers, timeout, max_bytes, verify, proxy)


async def result(engine: Engine, request: Request, grace: float = GRACE) -> Response | FetchError:
    """Fetch. Raises AssertionError for another error than FetchError, and for a late end."""
    try:
        async with asyncio.timeout(request.timeout + grace) as limit:
            return await engine.fetch(request)
    except FetchError as error:
        assert error.message, "an error says what happened: its message is empty"
        assert error.message.isprintable(), f"an error is one line of text: {error.message!r}"
        return error
    except Exception as error:
        if limit.expired():
            raise AssertionError(
                f"the total deadline holds: a fetch with a timeout of {request.timeout} s "
                f"has not ended {grace} s after it"
            ) from error
        raise AssertionError(f"an engine raises only FetchError, not {error!r}") from error


async def outcome(engine: Engine, request: Request, grace: float = GRACE) -> FetchOutcome:
    """Fetch, and return how it ended. Raises AssertionError as ``result`` does."""
    ended = await result(engine, request, grace)
    return ended.kind if isinstance(ended, FetchError) else (ended.status, ended.body)


def must_fail(ended: FetchOutcome, what: str, *kinds: FailureKind) -> None:
    """Raises AssertionError if ``ended``, the outcome for ``what``, is not one of ``kinds``."""
    found = ended if isinstance(ended, FailureKind) else f"{ended[0]}, {ended[1][:80]!r}"
    assert ended in kinds, f"{what} fails with {' or '.join(kinds)}, not: {found}"


async def page(engine: Engine, request: Request, grace: float = GRACE) -> Response:
    """Fetch something harmless. Raises AssertionError if that fails."""
    ended = await result(engine, request, grace)
    if isinstance(ended, FetchError):
        raise AssertionError(f"a good page is fetched, but: {ended.kind}: {ended.message}")
    return ended


async def afterwards(engine: Engine, request: Request, grace: float = GRACE) -> FetchOutcome:
    """Fetch, and fetch again if a kept connection was closed, which the engine may not know.

    On a new connection, as the crawler does.
    """
    ended = await result(engine, request, grace)
    if isinstance(ended, FetchError):
        assert ended.reused, f"a fetch does not spoil the next one: {ended.kind}: {ended.message}"
        return await outcome(engine, replace(request, fresh=True), grace)
    return ended.status, ended.body


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

    async def wait(self, grace: float = GRACE) -> None:
        """Raises AssertionError if they do not arrive in time."""
        try:
            async with asyncio.timeout(4 * grace):
                await self.all_in.wait()
        except TimeoutError:
            raise AssertionError(
                f"every slot can send a request: {self._missing} did not arrive"
            ) from None


class OpenThings(NamedTuple):
    """The sockets, threads and tasks that the process has."""

    sockets: frozenset[tuple[int, int]]
    threads: frozenset[threading.Thread]
    tasks: frozenset["asyncio.Task[object]"]

    @classmethod
    def now(cls) -> "OpenThings":
        tasks = frozenset(asyncio.all_tasks())
        return cls(frozenset(_open_sockets()), frozenset(threading.enumerate()), tasks)

    async def left(self) -> list[object]:
        """Return what is open now and was not open then.

        It first ends the threads of the event loop's own executor, which do not belong to the
        engine. Call it at the end of a test: the executor cannot be used after it.
        """
        await asyncio.get_running_loop().shutdown_default_executor()
        now = OpenThings.now()
        return [
            *(now.sockets - self.sockets),
            *(now.threads - self.threads),
            *(now.tasks - self.tasks),
        ]


def _open_sockets() -> Iterator[tuple[int, int]]:
    """Device and inode of each."""
    for entry in Path("/dev/fd").iterdir():
        with suppress(OSError):  # the descriptor of iterdir itself is closed by now
            status = os.fstat(int(entry.name))
            if stat.S_ISSOCK(status.st_mode):
                yield status.st_dev, status.st_ino


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
    grown = _peak_bytes() - before
    assert grown < limit, f"memory is bounded: the process grew by {grown:,} bytes"


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
