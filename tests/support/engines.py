"""Shared by the tests of the engines: their names, and malformed responses with their outcomes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from crawler.engines.base import Engine, EngineOptions
from crawler.engines.names import AUTO, ENGINES
from crawler.engines.registry import capabilities_of, make_engine
from crawler.localweb.server import CLOSE, Answer, Ending, Handler, Server
from crawler.model.errors import FailureKind
from crawler.testing.contract.helpers import FetchOutcome, afterwards, ask, outcome

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
