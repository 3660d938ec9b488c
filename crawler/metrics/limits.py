"""What limited a run, and what to change: rules of thumb for its time budget and its slots."""

import msgspec

from crawler.metrics.report import Connections, Cpu, Limit, Limiter, SlotSeconds, TimeBudget
from crawler.model.units import count, figure, percent, seconds

BUSY = 0.8
"""A fetch thread that is busy for at least this share of the wall time limits the run."""
_CROWDED = 0.25
"""A fetch thread without a core for this share of the wall time: the machine limits the run."""
MOST = 0.5
"""A part that is larger than this share is most of the whole."""
_NEW = 1 / 3
"""If more than this share of the responses needed a TLS handshake, that was most of the computing.

It takes about four times the CPU of a request (measured with curl and aiohttp).
"""
_COMPUTING = 0.5
"""Workers that compute for at least this share of their time do not wait for something else."""


class Handshakes(msgspec.Struct, frozen=True):
    """What new connections cost.

    ``tls`` of the ``connections`` opened needed a TLS handshake. Of ``io_wait_s``, the seconds that
    all requests waited, ``wait_s`` passed until new connections could be used; look-ups are not in
    it.
    """

    connections: Connections = Connections()
    tls: int = 0
    wait_s: float = 0.0
    io_wait_s: float = 0.0

    @property
    def of_responses(self) -> float:
        """The share of responses for which a TLS connection was opened."""
        return self.tls / self.connections.used if self.connections.used else 0.0

    @property
    def of_waits(self) -> float:
        return self.wait_s / self.io_wait_s if self.io_wait_s > 0 else 0.0


class LimitFacts(msgspec.Struct, frozen=True):
    """The input of the rules: ``entries`` finished, ``done`` of them pages; ``workers`` that parse.

    ``memory`` are the slot-seconds of back-pressure in which bodies that arrived waited for room.
    ``locked``: the workers are threads, and the interpreter's lock lets one thread run at a time.
    ``sharded``: the budget and the CPU time are averages of several fetch threads.
    """

    concurrency: int
    wall_s: float
    entries: int
    done: int
    workers: int
    budget: TimeBudget
    slots: SlotSeconds
    cpu: Cpu
    locked: bool = False
    memory: float = 0.0
    handshakes: Handshakes = Handshakes()
    sharded: bool = False

    def of_wall(self, part: float) -> float:
        return part / self.wall_s if self.wall_s > 0 else 0.0

    def of_slots(self, part: float) -> float:
        return self.of_wall(part) / self.concurrency

    @property
    def take_turns(self) -> bool:
        """Fetching and parsing fill one core together, and fetching alone does not."""
        cpu = self.cpu
        return self.locked and self.of_wall(cpu.fetch_s) < BUSY <= self.of_wall(cpu.total_s)

    @property
    def wait_for_handshakes(self) -> bool:
        """Requests spent most of their time waiting for the network, and most of that for
        handshakes.
        """
        found = self.handshakes
        return found.of_waits > MOST and found.io_wait_s > MOST * self.slots.used

    @property
    def few(self) -> bool:
        """Too few entries to fill the slots more than a few times."""
        return self.entries < 4 * self.concurrency

    @property
    def brief(self) -> bool:
        """Too short for its shares to mean anything."""
        return self.entries == 0 or (self.few and self.wall_s < 1)


def limited_by(facts: LimitFacts) -> Limit:
    """The limit to remove first.

    The machine and the fetch thread come before the slots: without free CPU, the use of the slots
    means nothing. After that, the largest part of the slots' time decides.
    """
    budget, slots = facts.budget, facts.slots
    if facts.entries and not facts.done:
        return _nothing(facts)
    if not facts.brief and facts.of_wall(budget.descheduled) >= _CROWDED:
        return _machine(facts)
    if not facts.brief and facts.take_turns:
        return _lock(facts)
    if not facts.brief and facts.of_wall(budget.computing + budget.descheduled) >= BUSY:
        return _cpu(facts)
    most = max(slots.used, slots.politeness, slots.starved, slots.backpressure)
    if facts.entries and most == slots.politeness:
        return _politeness(facts)
    if facts.entries and most == slots.backpressure:
        return _backpressure(facts)
    if facts.few:
        return _short(facts)
    if most != slots.used:
        return _source(facts)
    return _waiting_for_handshakes(facts) if facts.wait_for_handshakes else _concurrency(facts)


def idle_workers(share: float, slots: int) -> Limit:
    """For ``share`` of the time of the ``slots`` that can crawl a shard, no shard had work."""
    return Limit(
        Limiter.SHARDS,
        f"Shards: for {percent(share)} of the time of {count(slots, 'worker slot')}, no shard had "
        "work.",
        "Use fewer workers. All hosts of a domain are in one shard, which is crawled by one worker "
        "at a time; if there are many more domains than workers, begin with more --shards.",
    )


def _machine(facts: LimitFacts) -> Limit:
    share = percent(facts.of_wall(facts.budget.descheduled))
    return Limit(
        Limiter.MACHINE,
        f"The machine: for {share} of the time the fetch thread was ready to run, but no CPU core "
        "was free.",
        "Use a machine with more cores, use fewer --workers, or stop other programs.",
    )


def _cpu(facts: LimitFacts) -> Limit:
    share = percent(facts.of_wall(facts.budget.computing))
    inline = not facts.workers and facts.cpu.parse_s > facts.cpu.fetch_s / 2
    if inline:
        return Limit(
            Limiter.PARSE,
            f"Parsing on the fetch thread: the thread was computing {share} of the time.",
            "Parse in other processes: --parse process.",
        )
    if facts.handshakes.of_responses > _NEW:
        return _computing_handshakes(facts, share)
    more = "use more workers" if facts.sharded else "split the list into several runs"
    return Limit(
        Limiter.CPU,
        f"The fetch thread's CPU: the thread was computing {share} of the time.",
        "Use an engine that needs less CPU per page (crawler compare shows which), or "
        f"{more}; more concurrency does not help.",
    )


def _computing_handshakes(facts: LimitFacts, share: str) -> Limit:
    new = percent(facts.handshakes.of_responses)
    return Limit(
        Limiter.HANDSHAKES,
        f"Handshakes: the fetch thread was computing {share} of the time, and had to open a TLS "
        f"connection for {new} of the responses, which takes several times the CPU of a request.",
        _fewer_handshakes(facts),
    )


def _waiting_for_handshakes(facts: LimitFacts) -> Limit:
    used = percent(facts.of_slots(facts.slots.used))
    waits = percent(facts.handshakes.of_waits)
    return Limit(
        Limiter.HANDSHAKES,
        f"Handshakes: the slots were used {used} of the time, and {waits} of the I/O wait was for "
        "opening connections.",
        f"{_fewer_handshakes(facts)} {_more_slots(facts.concurrency)}",
    )


def _fewer_handshakes(facts: LimitFacts) -> str:
    if not facts.handshakes.connections.reused:
        return (
            "Use an engine that keeps connections (crawler engines shows which), unless each host "
            "has only one page."
        )
    return (
        "If the hosts have more pages, sort the list by host or raise the limit of open files "
        "(ulimit -n), so that connections are used again before they are closed. A host with one "
        "page needs a handshake in any case."
    )


def _lock(facts: LimitFacts) -> Limit:
    cores = facts.of_wall(facts.cpu.total_s)
    return Limit(
        Limiter.LOCK,
        "The lock of the interpreter: fetching and parsing took turns, and together used "
        f"{figure(cores)} CPU cores.",
        "Parse in other processes: --parse process.",
    )


def _politeness(facts: LimitFacts) -> Limit:
    if facts.slots.silent >= facts.slots.politeness / 2:
        return _silent(facts)
    share = percent(facts.of_slots(facts.slots.politeness))
    return Limit(
        Limiter.POLITENESS,
        f"Politeness: {share} of the slots' time was spent waiting until the next request to a "
        "host was allowed.",
        "Add more hosts to the list. Where the site allows it, lower --delay or raise --per-host.",
    )


def _silent(facts: LimitFacts) -> Limit:
    share = percent(facts.of_slots(facts.slots.silent))
    return Limit(
        Limiter.HOSTS,
        f"Hosts that do not answer: for {share} of the slots' time there were only URLs of such "
        "hosts left.",
        "If they are not worth the wait, lower --patience.",
    )


def _backpressure(facts: LimitFacts) -> Limit:
    share = percent(facts.of_slots(facts.slots.backpressure))
    if facts.slots.parsing >= facts.slots.backpressure / 2:
        return _parsing(facts, share)
    if facts.memory >= facts.slots.backpressure / 2:
        return Limit(
            Limiter.MEMORY,
            f"Memory: for {share} of the slots' time, bodies that arrived waited for room.",
            "Raise --memory, or lower --max-bytes.",
        )
    return Limit(
        Limiter.SINK,
        f"Writing: for {share} of the slots' time, parsed pages waited for the output or the "
        "state.",
        "Write to a faster disk or in a simpler format, or read the output faster.",
    )


def _parsing(facts: LimitFacts, share: str) -> Limit:
    busy = facts.of_wall(facts.cpu.parse_s) / max(1, facts.workers)
    workers = count(facts.workers, "parse worker")
    says = f"Parsing: for {share} of the slots' time, pages waited for the {workers}"
    if busy >= _COMPUTING:
        change = "Use more --workers if there are free cores, or extract less."
        return Limit(Limiter.PARSE, f"{says}, busy {percent(busy)}.", change)
    return Limit(
        Limiter.PARSE,
        f"{says}, which computed only {percent(busy)} of their time.",
        "If your parser waits for something, use more --workers than there are cores; if other "
        "programs use the cores, stop them.",
    )


def _nothing(facts: LimitFacts) -> Limit:
    were = "was" if facts.entries == 1 else "were"
    return Limit(
        Limiter.SHORT,
        f"No page was done: {count(facts.entries, 'URL')} failed or {were} skipped.",
        f"See failures.jsonl and skipped.jsonl{' of each shard' if facts.sharded else ''}.",
    )


def _short(facts: LimitFacts) -> Limit:
    if not facts.entries:
        return Limit(Limiter.SHORT, "No URL was finished.", "See the failures and the log.")
    return Limit(
        Limiter.SHORT,
        f"Too few URLs: {count(facts.entries, 'URL')} for {count(facts.concurrency, 'slot')}, "
        f"finished in {seconds(facts.wall_s)}.",
        "Nothing: only a longer list can use more slots.",
    )


def _concurrency(facts: LimitFacts) -> Limit:
    used = percent(facts.of_slots(facts.slots.used))
    waiting = percent(facts.of_wall(facts.budget.waiting))
    return Limit(
        Limiter.CONCURRENCY,
        f"Concurrency: the slots were used {used} of the time, and the fetch thread waited "
        f"{waiting} of it.",
        _more_slots(facts.concurrency),
    )


def _more_slots(concurrency: int) -> str:
    if concurrency > 1:
        return f"Raise --concurrency (it was {concurrency})."
    return "Raise --concurrency above 1, with any engine except sequential."


def _source(facts: LimitFacts) -> Limit:
    share = percent(facts.of_slots(facts.slots.starved))
    return Limit(
        Limiter.SOURCE,
        f"The source: for {share} of the slots' time there was no URL to fetch.",
        "Supply URLs faster, or lower --concurrency: fewer slots are enough.",
    )
