"""What is compared: an engine, a concurrency and a way to parse; and how texts call it."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import msgspec

from crawler.model.units import count


class Contestant(msgspec.Struct, frozen=True, order=True):
    """An engine at a concurrency, with a parse executor.

    ``workers`` is the number of processes or threads that parse, 0 for an executor without them.
    """

    engine: str
    concurrency: int
    parse: str = ""
    workers: int = 0

    def __str__(self) -> str:
        return ", ".join(filter(None, [self.fetching, self.parsing]))

    @property
    def fetching(self) -> str:
        return f"{self.engine} at {self.concurrency}"

    @property
    def parsing(self) -> str:
        return f"{self.parse} with {count(self.workers, 'worker')}" if self.workers else self.parse


class OfContestant(Protocol):
    """A record that belongs to one contestant."""

    @property
    def engine(self) -> str: ...

    @property
    def concurrency(self) -> int: ...

    @property
    def parse(self) -> str: ...

    @property
    def workers(self) -> int: ...


def contestant_of(record: OfContestant) -> Contestant:
    return Contestant(record.engine, record.concurrency, record.parse, record.workers)


class PairNames(NamedTuple):
    """Names of two contestants by the one thing in which they differ; ``shared`` is the rest.

    ``before`` separates it from a sentence.
    """

    a: str
    b: str
    shared: str
    before: str = " "

    def __str__(self) -> str:
        return f"{self.a} and {self.b}{self.where}"

    @property
    def where(self) -> str:
        return f"{self.before}{self.shared}" if self.shared else ""


class Naming:
    """Calls each contestant by what differs in its comparison: ``process with 2 workers``."""

    def __init__(self, contestants: Iterable[Contestant]) -> None:
        known = list(contestants)
        self.compares_parsing = len({each.parsing for each in known}) > 1
        fetching = {each.fetching for each in known}
        self.compares_fetching = len(fetching) > 1 or not self.compares_parsing

    def name(self, each: Contestant) -> str:
        """``curl at 64``, or ``inline``, or both with a comma."""
        return ", ".join(self._parts(each.fetching, each.parsing))

    def pair(self, a: Contestant, b: Contestant) -> PairNames:
        """For two engines ``curl``, ``threads`` and ``at 64``, else ``inline`` and the like."""
        if a.engine != b.engine:
            shared = ", ".join(self._parts(f"at {a.concurrency}", a.parsing))
            return PairNames(a.engine, b.engine, shared)
        shared = f"with {a.fetching}" if self.compares_fetching else ""
        return PairNames(a.parsing, b.parsing, shared, before=", ")

    def _parts(self, fetching: str, parsing: str) -> list[str]:
        shown = ((fetching, self.compares_fetching), (parsing, self.compares_parsing))
        return [text for text, compared in shown if compared]
