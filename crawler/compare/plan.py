"""What runs, in which order, and what is compared with what."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from crawler.compare.options import Parsing
from crawler.engines.base import Capabilities
from crawler.metrics.contestants import Contestant
from crawler.model.errors import UsageError
from crawler.model.units import count


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
    parsings: Sequence[Parsing],
    capabilities: Mapping[str, Capabilities],
) -> Plan:
    """Every engine at every concurrency that it supports, with each way to parse, each once.

    They are in the order given. Raises UsageError if fewer than two are left.
    """
    wanted = [
        (engine, concurrency)
        for concurrency in dict.fromkeys(concurrencies)
        for engine in dict.fromkeys(engines)
    ]
    able = [each for each in wanted if _can(*each, capabilities)]
    contestants = [Contestant(*each, *parsing) for each in able for parsing in parsings]
    left_out = [
        f"{engine} at {concurrency}: supports at most {_requests(capabilities[engine])}"
        for engine, concurrency in wanted
        if (engine, concurrency) not in able
    ]
    if len(contestants) < 2:
        needs = "a comparison needs at least two engines, concurrencies or ways to parse"
        raise UsageError("; ".join([needs, *left_out]))
    return Plan(tuple(contestants), tuple(left_out))


def _requests(able: Capabilities) -> str:
    return count(able.max_concurrency or 0, "concurrent request")


def _can(engine: str, concurrency: int, capabilities: Mapping[str, Capabilities]) -> bool:
    most = capabilities[engine].max_concurrency
    return most is None or concurrency <= most


def turns(contestants: Sequence[Contestant], repeat: int) -> Iterator[RunTurn]:
    """A block of all contestants for each repeat, every second block reversed (A B B A …).

    The first one of a pair is the second one of the next pair, so a slow drift favours none.
    """
    for number in range(repeat):
        block = contestants if number % 2 == 0 else contestants[::-1]
        yield from (RunTurn(each, number + 1) for each in block)


def pairs(contestants: Iterable[Contestant]) -> Iterator[tuple[Contestant, Contestant]]:
    """Each pair that differs in its engine alone, or in how it parses alone, once.

    Another number of workers and another executor are two differences, unless one executor has no
    workers.
    """
    known: list[Contestant] = []
    for one in contestants:
        yield from ((other, one) for other in known if _are_pair(other, one))
        known.append(one)


def _are_pair(a: Contestant, b: Contestant) -> bool:
    if a.concurrency != b.concurrency:
        return False
    if a.engine != b.engine:
        return a.parsing == b.parsing
    return a.parse == b.parse or a.workers == b.workers or not (a.workers and b.workers)
