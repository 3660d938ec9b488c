"""Who runs, and in which order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from crawler.engines.base import Capabilities
from crawler.model.errors import UsageError


class Contestant(msgspec.Struct, frozen=True, order=True):
    """An engine at a concurrency."""

    engine: str
    concurrency: int

    def __str__(self) -> str:
        return f"{self.engine} at {self.concurrency}"


class RunTurn(msgspec.Struct, frozen=True):
    """A run to be made. Those of equal ``repeat`` (from 1) stand near each other: they pair up."""

    contestant: Contestant
    repeat: int


class Plan(msgspec.Struct, frozen=True):
    """Who takes part, and in words who does not."""

    contestants: tuple[Contestant, ...]
    left_out: tuple[str, ...]


def plan(
    engines: Sequence[str],
    concurrencies: Sequence[int],
    capabilities: Mapping[str, Capabilities],
) -> Plan:
    """Every engine at every concurrency that it can have, in the order given, each once.

    Raises UsageError where fewer than two are left.
    """
    wanted = [
        Contestant(engine, concurrency)
        for concurrency in dict.fromkeys(concurrencies)
        for engine in dict.fromkeys(engines)
    ]
    contestants = [each for each in wanted if _can(each, capabilities[each.engine])]
    left_out = [
        f"{each}: it can have {capabilities[each.engine].max_concurrency} at most"
        for each in wanted
        if each not in contestants
    ]
    if len(contestants) < 2:
        raise UsageError("; ".join(["there is nothing to compare with", *left_out]))
    return Plan(tuple(contestants), tuple(left_out))


def _can(contestant: Contestant, capabilities: Capabilities) -> bool:
    most = capabilities.max_concurrency
    return most is None or contestant.concurrency <= most


def turns(contestants: Sequence[Contestant], repeat: int) -> Iterator[RunTurn]:
    """A block of all for each repeat, every second one in reverse (A B B A …).

    So who is first in one pair is last in the next, and what drifts meanwhile favours nobody.
    """
    for number in range(repeat):
        block = contestants if number % 2 == 0 else contestants[::-1]
        yield from (RunTurn(each, number + 1) for each in block)


def pairs(contestants: Iterable[Contestant]) -> Iterator[tuple[Contestant, Contestant]]:
    """Engines at the same concurrency, each with each other once."""
    known: list[Contestant] = []
    for one in contestants:
        yield from ((other, one) for other in known if other.concurrency == one.concurrency)
        known.append(one)
