"""What held a run back, and what to change: rules of thumb over its time budget and its slots."""

import msgspec

from crawler.metrics.report import Cpu, Limit, Limiter, SlotSeconds, TimeBudget
from crawler.model.units import count, percent, seconds

_BUSY = 0.8
"""Share of the wall time from which on the fetch thread has no reserve to speak of."""
_CROWDED = 0.25
"""Share of the wall time without a core that no well provided machine shows."""
_PARSING = 0.5
"""Share of its workers' time from which on parsing, not writing, is what is slow."""


class LimitFacts(msgspec.Struct, frozen=True):
    """What is judged. ``entries`` reached a final state, ``workers`` processes parse (0: none)."""

    concurrency: int
    wall_s: float
    entries: int
    workers: int
    budget: TimeBudget
    slots: SlotSeconds
    cpu: Cpu

    def of_wall(self, part: float) -> float:
        return part / self.wall_s if self.wall_s > 0 else 0.0

    def of_slots(self, part: float) -> float:
        return self.of_wall(part) / self.concurrency

    @property
    def few(self) -> bool:
        """Too few entries to fill the slots more than a few times."""
        return self.entries < 4 * self.concurrency

    @property
    def brief(self) -> bool:
        """Over before anything settled."""
        return self.entries == 0 or (self.few and self.wall_s < 1)


def limited_by(facts: LimitFacts) -> Limit:
    """Name the one limit that counts first.

    The machine and the fetch thread come before the slots: with no CPU left, a slot that is used
    says nothing. Then what the slots did most of the time decides.
    """
    budget, slots = facts.budget, facts.slots
    if not facts.brief and facts.of_wall(budget.descheduled) >= _CROWDED:
        return _machine(facts)
    if not facts.brief and facts.of_wall(budget.computing + budget.descheduled) >= _BUSY:
        return _cpu(facts)
    most = max(slots.used, slots.politeness, slots.starved, slots.backpressure)
    if facts.entries and most == slots.politeness:
        return _politeness(facts)
    if facts.entries and most == slots.backpressure:
        return _backpressure(facts)
    if facts.few:
        return _short(facts)
    return _concurrency(facts) if most == slots.used else _source(facts)


def _machine(facts: LimitFacts) -> Limit:
    share = percent(facts.of_wall(facts.budget.descheduled))
    return Limit(
        Limiter.MACHINE,
        f"The machine: for {share} of the time the fetch thread was ready to run and had no core.",
        "Use a machine with more cores, give fewer --workers, or stop what else is running.",
    )


def _cpu(facts: LimitFacts) -> Limit:
    share = percent(facts.of_wall(facts.budget.computing))
    inline = not facts.workers and facts.cpu.parse_s > facts.cpu.fetch_s / 2
    if inline:
        return Limit(
            Limiter.PARSE,
            f"Parsing on the fetch thread, which computed {share} of the time.",
            "Parse in other processes: --parse process.",
        )
    return Limit(
        Limiter.CPU,
        f"The fetch thread's CPU: it computed {share} of the time.",
        "Use an engine that computes less a page (crawler compare tells which), or split the list "
        "over several runs; more concurrency will not help.",
    )


def _politeness(facts: LimitFacts) -> Limit:
    share = percent(facts.of_slots(facts.slots.politeness))
    return Limit(
        Limiter.POLITENESS,
        f"Politeness: {share} of the slots' time was spent until hosts might be asked again.",
        "Add more hosts to the list; where you may, lower --delay or raise --per-host.",
    )


def _backpressure(facts: LimitFacts) -> Limit:
    share = percent(facts.of_slots(facts.slots.backpressure))
    capacity = facts.workers * facts.wall_s
    if facts.cpu.parse_s >= _PARSING * capacity > 0:
        busy = percent(facts.cpu.parse_s / capacity)
        return Limit(
            Limiter.PARSE,
            f"Parsing: {share} of the slots' time went by while pages waited for the "
            f"{count(facts.workers, 'parse worker')}, busy {busy}.",
            "Give more --workers if there are free cores, or extract less.",
        )
    return Limit(
        Limiter.SINK,
        f"Writing: {share} of the slots' time went by while parsed pages waited for the output.",
        "Write to a faster disk or into a simpler format, or read the output faster.",
    )


def _short(facts: LimitFacts) -> Limit:
    if not facts.entries:
        return Limit(Limiter.SHORT, "No URL was finished.", "See the failures and the log.")
    return Limit(
        Limiter.SHORT,
        f"Too few URLs: {count(facts.entries, 'URL')} for {count(facts.concurrency, 'slot')}, "
        f"over in {seconds(facts.wall_s)}.",
        "Nothing: only a longer list could use more.",
    )


def _concurrency(facts: LimitFacts) -> Limit:
    used = percent(facts.of_slots(facts.slots.used))
    waiting = percent(facts.of_wall(facts.budget.waiting))
    now = facts.concurrency
    return Limit(
        Limiter.CONCURRENCY,
        f"Concurrency: the slots were used {used} of the time, and the fetch thread waited "
        f"{waiting} of it.",
        f"Raise --concurrency (it was {now})."
        if now > 1
        else "Raise --concurrency above 1, with any engine but sequential.",
    )


def _source(facts: LimitFacts) -> Limit:
    share = percent(facts.of_slots(facts.slots.starved))
    return Limit(
        Limiter.SOURCE,
        f"The source: {share} of the slots' time there was no URL to fetch.",
        "Feed URLs faster, or lower --concurrency: fewer slots would do.",
    )
