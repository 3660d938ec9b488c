"""Which engines run, and in which order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from crawler.engines.base import Capabilities
from crawler.model.errors import UsageError
from crawler.model.units import count


class Contestant(msgspec.Struct, frozen=True, order=True):
    """An engine at a concurrency."""

    engine: str
    concurrency: int

    def __str__(self) -> str:
        return f"{self.engine} at {self.concurrency}"


class RunTurn(msgspec.Struct, frozen=True):
    """A run to make. Runs with the same ``repeat`` (from 1) are close in time and form pairs."""

    contestant: Contestant
    repeat: int


class Plan(msgspec.Struct, frozen=True):
    """What to compare; ``left_out`` says in words what cannot be compared."""

    contestants: tuple[Contestant, ...]
    left_out: tuple[str, ...]


def plan(
    engines: Sequence[str],
    concurrencies: Sequence[int],
    capabilities: Mapping[str, Capabilities],
) -> Plan:
    """Every engine at every concurrency that it supports, in the order given, each once.

    Raises UsageError if fewer than two are left.
    """
    wanted = [
        Contestant(engine, concurrency)
        for concurrency in dict.fromkeys(concurrencies)
        for engine in dict.fromkeys(engines)
    ]
    contestants = [each for each in wanted if _can(each, capabilities[each.engine])]
    left_out = [
        f"{each}: supports at most {_requests(capabilities[each.engine].max_concurrency)}"
        for each in wanted
        if each not in contestants
    ]
    if len(contestants) < 2:
        raise UsageError(
            "; ".join(["a comparison needs at least two engines or concurrencies", *left_out])
        )
    return Plan(tuple(contestants), tuple(left_out))


def _requests(most: int | None) -> str:
    return count(most or 0, "concurrent request")


def _can(contestant: Contestant, capabilities: Capabilities) -> bool:
    most = capabilities.max_concurrency
    return most is None or contestant.concurrency <= most


def turns(contestants: Sequence[Contestant], repeat: int) -> Iterator[RunTurn]:
    """A block of all contestants for each repeat, every second block reversed (A B B A …).

    The first one of a pair is the second one of the next pair, so a slow drift favours none.
    """
    for number in range(repeat):
        block = contestants if number % 2 == 0 else contestants[::-1]
        yield from (RunTurn(each, number + 1) for each in block)


def pairs(contestants: Iterable[Contestant]) -> Iterator[tuple[Contestant, Contestant]]:
    """Each pair of engines at the same concurrency, once."""
    known: list[Contestant] = []
    for one in contestants:
        yield from ((other, one) for other in known if other.concurrency == one.concurrency)
        known.append(one)
