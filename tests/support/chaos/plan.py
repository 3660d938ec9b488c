"""What happens to each session of a crawl, drawn from a seed. Times are seconds."""

import random
from typing import Literal

import msgspec

Ending = Literal["kill", "interrupt", "interrupt twice", "io"]
"""How a session ends if the crawl is not finished before."""
IO_KINDS = ("eio", "enospc", "once", "short", "kill", "killed")
"""See ``io_faults.c``."""
_ENDINGS: tuple[Ending, ...] = ("kill", "kill", "kill", "interrupt", "interrupt twice", "io", "io")
_LONGEST_OUTAGE = 6.0
_LONGEST_PAUSE = 1.5
_MOST_CALLS = 80


class IoFault(msgspec.Struct, frozen=True):
    """The call number ``at`` that writes to the run fails, or ends the process."""

    kind: str
    at: int


class Spell(msgspec.Struct, frozen=True):
    """From ``at`` on, for ``seconds``. ``what`` it is depends on the field that has it."""

    at: float
    seconds: float
    what: str


class Plan(msgspec.Struct, frozen=True):
    """A session that ends after ``seconds``, if the crawl does not.

    In the ``outage`` the servers are ``away``, or they accept and are ``silent``. In the ``pause``
    ``all`` processes of the crawl are suspended, or its ``workers`` alone are. A parse worker is
    killed at ``worker_kill``.
    """

    ending: Ending
    seconds: float
    io: IoFault | None = None
    outage: Spell | None = None
    pause: Spell | None = None
    worker_kill: float | None = None


def draw(rng: random.Random, longest: float, *, io_faults: bool) -> Plan:
    """Draw a session of at most ``longest`` seconds."""
    ending = rng.choice(_ENDINGS if io_faults else _ENDINGS[:-2])
    seconds = rng.uniform(0.3, longest)

    def spell(chance: float, most: float, *what: str) -> Spell | None:
        drawn = Spell(rng.uniform(0.0, seconds), rng.uniform(0.1, most), rng.choice(what))
        return drawn if rng.random() < chance else None

    return Plan(
        ending=ending,
        seconds=seconds,
        io=IoFault(rng.choice(IO_KINDS), rng.randint(1, _MOST_CALLS)) if ending == "io" else None,
        outage=spell(0.4, _LONGEST_OUTAGE, "away", "away", "silent"),
        pause=spell(0.3, _LONGEST_PAUSE, "all", "workers"),
        worker_kill=rng.uniform(0.0, seconds) if rng.random() < 0.25 else None,
    )
