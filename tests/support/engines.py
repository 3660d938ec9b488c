"""Shared by the tests of the engines: their names, and malformed responses with their outcomes."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from crawler.engines.base import Engine, EngineOptions
from crawler.engines.names import AUTO, ENGINES
from crawler.engines.registry import capabilities_of, make_engine
from crawler.localweb.server import CLOSE, Answer, Ending, Handler, Seen, Server
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Request
from crawler.testing.contract.helpers import FetchOutcome, ask, outcome, result

LIBRARIES = {
    "curl": "libcurl",
    "aiohttp": "aiohttp",
    "tornado": "libcurl",
    "threads": "urllib",
    "sequential": "urllib",
    "gevent": "urllib",
    AUTO: "libcurl",
}
"""The library that parses HTTP for an engine. Engines with the same library must not differ."""
AT_ONCE = 16
"""Odd responses that are fetched at the same time."""
Serve = Callable[[Handler], Server]
PROXIES = {name: capabilities_of(name).proxies for name in (*ENGINES, AUTO)}
"""Schemes of the proxies that each engine supports."""


class Case(NamedTuple):
    """A malformed response ``raw``, followed by ``ending`` (None: the connection stays open).

    The outcome must be ``expected`` for all engines, except those with a library in ``differs``:
    there it must be one of the listed outcomes, for the reason given. There are several only if
    timing decides.
    """

    raw: bytes
    expected: FetchOutcome
    differs: Mapping[str, tuple[set[FetchOutcome], str]] = MappingProxyType({})
    ending: Ending | None = CLOSE

    def allowed(self, engine_name: str) -> set[FetchOutcome]:
        outcomes, _ = self.differs.get(LIBRARIES[engine_name], ({self.expected}, ""))
        return outcomes


def build(name: str, options: EngineOptions) -> Engine:
    return make_engine(name, options)


def each(
    make: Callable[[bytes], bytes],
    expected: FetchOutcome,
    *texts: bytes,
    differs: Mapping[str, tuple[set[FetchOutcome], str]] = MappingProxyType({}),
) -> dict[str, Case]:
    """The responses that ``make`` makes of ``texts``, each named as it is written."""
    return {
        f"{make.__name__} {text[:99]!r} {len(text)}": Case(make(text), expected, differs)
        for text in texts
    }


async def check_cases(engine: Engine, name: str, cases: Mapping[str, Case], serve: Serve) -> None:
    """Fetch every case, many at once, and compare the outcomes.

    After each the next fetch must work, whatever the connections have seen.
    """
    titles = list(cases)
    server = serve(_answers([cases[title] for title in titles]))
    slots = asyncio.Semaphore(engine.capabilities.max_concurrency or AT_ONCE)

    async def check(number: int, case: Case) -> FetchOutcome:
        # A kept connection may just be dying, and a dead one is no outcome of the case.
        raw = msgspec.structs.replace(
            ask(server, f"/raw/{number}", timeout=_patience(case)), fresh=True
        )
        async with slots:
            found = await outcome(engine, raw)
            assert await _afterwards(engine, ask(server, "/next")) == (200, b"fine"), titles[number]
        return found

    found = await asyncio.gather(*(check(*each) for each in enumerate(cases.values())))
    wrong = {
        title: (outcome, case.allowed(name))
        for (title, case), outcome in zip(cases.items(), found, strict=True)
        if outcome not in case.allowed(name)
    }
    assert wrong == {}
    requested = Counter(seen.target for seen in server.seen if seen.target != "/next")
    assert max(requested.values()) == 1, "a request was sent again"


def _patience(case: Case) -> float:
    return 0.3 if case.expected is FailureKind.TIMEOUT else 20.0


async def _afterwards(engine: Engine, request: Request) -> FetchOutcome:
    ended = await result(engine, request)
    if isinstance(ended, FetchError):
        assert ended.reused, f"{ended.kind}: {ended.message}"
        return await outcome(engine, msgspec.structs.replace(request, fresh=True))
    return ended.status, ended.body


def _answers(cases: Sequence[Case]) -> Handler:
    """Serve each case at ``/raw/NUMBER``, and the body ``fine`` at all other paths."""

    def answer(seen: Seen) -> Answer:
        if not seen.target.startswith("/raw/"):
            return Answer(body=b"fine")
        case = cases[int(seen.target.removeprefix("/raw/"))]
        return Answer(script=(case.raw,) if case.ending is None else (case.raw, case.ending))

    return answer
