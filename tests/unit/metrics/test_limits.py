import msgspec
import pytest
from support.sessions import DRIVER, session, shard

from crawler.metrics.limits import Handshakes, LimitFacts, limited_by
from crawler.metrics.merge import merge
from crawler.metrics.report import Connections, Cpu, Limiter, SlotSeconds, TimeBudget
from crawler.metrics.waits import WaitSums

change = msgspec.structs.replace


def facts(
    budget: dict[str, float],
    slots: dict[str, float],
    *,
    concurrency: int = 10,
    wall: float = 20.0,
    entries: int = 1000,
    done: int | None = None,
    workers: int = 2,
    parse: float = 0.0,
    locked: bool = False,
    memory: float = 0.0,
    handshakes: Handshakes = Handshakes(),  # noqa: B008
) -> LimitFacts:
    """``budget`` and ``slots`` as shares; ``parse`` as a share of what the workers could give."""
    time_budget = TimeBudget(**{name: share * wall for name, share in budget.items()})
    return LimitFacts(
        concurrency,
        wall,
        entries,
        entries if done is None else done,
        workers,
        time_budget,
        SlotSeconds(**{name: share * wall * concurrency for name, share in slots.items()}),
        Cpu(fetch_s=time_budget.computing, parse_s=parse * wall * max(1, workers)),
        locked,
        memory * wall * concurrency,
        handshakes,
    )


def tls(opened: int, reused: int) -> Handshakes:
    """TLS connections to servers that answer at once."""
    return Handshakes(Connections(opened, reused), tls=opened)


def waits(of_io: float, io: float, reused: int = 500) -> Handshakes:
    """``of_io`` is the part of the I/O wait for connections, ``io`` the part of 200 slot-seconds
    for I/O wait.
    """
    return Handshakes(Connections(500, reused), 0, of_io * io * 200, io * 200)


IDLE = {"waiting": 0.9, "computing": 0.1}
BUSY = {"computing": 0.85, "waiting": 0.15}

CASES = {
    "two hundred polite hosts: something is always in flight": (
        facts(IDLE, {"used": 0.2, "politeness": 0.8}),
        Limiter.POLITENESS,
    ),
    "only hosts that do not answer were left": (
        facts(IDLE, {"used": 0.2, "politeness": 0.8, "silent": 0.5}),
        Limiter.HOSTS,
    ),
    "hosts that do not answer, and others with delays": (
        facts(IDLE, {"used": 0.2, "politeness": 0.8, "silent": 0.3}),
        Limiter.POLITENESS,
    ),
    "few URLs, and politeness all the same": (
        facts(IDLE, {"used": 0.1, "politeness": 0.9}, entries=3, wall=0.5),
        Limiter.POLITENESS,
    ),
    "all slots used, thread idle": (
        facts(IDLE, {"used": 0.95, "starved": 0.05}),
        Limiter.CONCURRENCY,
    ),
    "all slots used, thread busy": (
        facts(BUSY, {"used": 1.0}),
        Limiter.CPU,
    ),
    "busy, and most requests opened a TLS connection": (
        facts(BUSY, {"used": 1.0}, handshakes=tls(600, 400)),
        Limiter.HANDSHAKES,
    ),
    "busy with hosts that have a robots.txt and one page": (
        facts(BUSY, {"used": 1.0}, handshakes=tls(500, 500)),
        Limiter.HANDSHAKES,
    ),
    "busy, and most TLS connections were kept": (
        facts(BUSY, {"used": 1.0}, handshakes=tls(300, 700)),
        Limiter.CPU,
    ),
    "busy, and connections were opened without TLS": (
        facts(BUSY, {"used": 1.0}, handshakes=Handshakes(Connections(1000))),
        Limiter.CPU,
    ),
    "busy, and a part of the connections was for TLS": (
        facts(BUSY, {"used": 1.0}, handshakes=Handshakes(Connections(1000), tls=300)),
        Limiter.CPU,
    ),
    "busy with TLS connections, and more with what it parses": (
        facts(BUSY, {"used": 1.0}, workers=0, parse=0.6, handshakes=tls(1000, 0)),
        Limiter.PARSE,
    ),
    "a few TLS connections, over before it began": (
        facts(BUSY, {"used": 1.0}, entries=12, wall=0.02, handshakes=tls(12, 0)),
        Limiter.SHORT,
    ),
    "no core for handshakes": (
        facts(
            {"descheduled": 0.4, "computing": 0.4, "waiting": 0.2},
            {"used": 1.0},
            handshakes=tls(1000, 0),
        ),
        Limiter.MACHINE,
    ),
    "all slots used, mostly to wait for new connections": (
        facts(IDLE, {"used": 1.0}, handshakes=waits(0.6, 0.9)),
        Limiter.HANDSHAKES,
    ),
    "all slots used, mostly to wait for responses": (
        facts(IDLE, {"used": 1.0}, handshakes=waits(0.4, 0.9)),
        Limiter.CONCURRENCY,
    ),
    "handshakes are most of the wait, and hosts that do not answer hold the slots": (
        facts(IDLE, {"used": 1.0}, handshakes=waits(0.9, 0.3)),
        Limiter.CONCURRENCY,
    ),
    "handshakes are most of the wait of a few URLs": (
        facts({"waiting": 1.0}, {"used": 1.0}, entries=30, handshakes=waits(0.9, 0.9)),
        Limiter.SHORT,
    ),
    "handshakes are most of the wait, and every host has a delay": (
        facts(IDLE, {"used": 0.2, "politeness": 0.8}, handshakes=waits(0.9, 0.2)),
        Limiter.POLITENESS,
    ),
    "busy with what it parses itself": (
        facts({"computing": 0.9, "waiting": 0.1}, {"used": 1.0}, workers=0, parse=0.6),
        Limiter.PARSE,
    ),
    "threads that share one core with the fetch thread": (
        facts({"computing": 0.4, "waiting": 0.6}, {"used": 1.0}, parse=0.25, locked=True),
        Limiter.LOCK,
    ),
    "threads beside a fetch thread that fills its core": (
        facts({"computing": 0.9, "waiting": 0.1}, {"used": 1.0}, parse=0.05, locked=True),
        Limiter.CPU,
    ),
    "threads that leave half a core": (
        facts({"computing": 0.2, "waiting": 0.8}, {"used": 1.0}, parse=0.15, locked=True),
        Limiter.CONCURRENCY,
    ),
    "threads without a lock, busy as before": (
        facts({"computing": 0.4, "waiting": 0.6}, {"used": 1.0}, parse=0.25),
        Limiter.CONCURRENCY,
    ),
    "bodies that arrive wait for room": (
        facts(IDLE, {"used": 0.3, "backpressure": 0.7}, memory=0.6),
        Limiter.MEMORY,
    ),
    "pages wait for workers that are busy": (
        facts(IDLE, {"used": 0.3, "backpressure": 0.7, "parsing": 0.6}, parse=0.97),
        Limiter.PARSE,
    ),
    "pages wait for workers that wait themselves": (
        facts(IDLE, {"used": 0.3, "backpressure": 0.7, "parsing": 0.6}, parse=0.05),
        Limiter.PARSE,
    ),
    "pages wait for the output": (
        facts(IDLE, {"used": 0.3, "backpressure": 0.7, "parsing": 0.1}, parse=0.6),
        Limiter.SINK,
    ),
    "pages wait, nobody parses": (
        facts(IDLE, {"used": 0.3, "backpressure": 0.7}, workers=0),
        Limiter.SINK,
    ),
    "every URL failed": (
        facts(IDLE, {"used": 0.01, "politeness": 0.99}, entries=1, done=0),
        Limiter.SHORT,
    ),
    "a trickling source": (
        facts({"starved": 0.9, "computing": 0.1}, {"used": 0.1, "starved": 0.9}),
        Limiter.SOURCE,
    ),
    "no core for the thread": (
        facts({"descheduled": 0.4, "computing": 0.4, "waiting": 0.2}, {"used": 1.0}),
        Limiter.MACHINE,
    ),
    "fewer URLs than slots": (
        facts({"waiting": 1.0}, {"used": 0.3, "starved": 0.7}, entries=3, wall=3.0),
        Limiter.SHORT,
    ),
    "over before it began": (
        facts({"computing": 0.95, "waiting": 0.05}, {"used": 1.0}, entries=12, wall=0.02),
        Limiter.SHORT,
    ),
    "over before it began, on a crowded machine": (
        facts({"descheduled": 0.9, "computing": 0.1}, {"used": 1.0}, entries=12, wall=0.02),
        Limiter.SHORT,
    ),
    "nothing at all": (facts({}, {}, entries=0, wall=0.0), Limiter.SHORT),
    "interrupted before anything ended": (
        facts({"computing": 0.9, "waiting": 0.1}, {"used": 1.0}, entries=0),
        Limiter.SHORT,
    ),
    "a short but busy run of many pages": (
        facts({"computing": 0.9, "waiting": 0.1}, {"used": 1.0}, entries=1000, wall=0.3),
        Limiter.CPU,
    ),
}


@pytest.mark.promise("P72")
@pytest.mark.parametrize("name", CASES)
def test_each_limit_is_recognised(name: str) -> None:
    given, expected = CASES[name]
    limit = limited_by(given)
    assert limit.what == expected, limit
    for sentence in (limit.says, limit.change):
        assert sentence.endswith(".") and "\n" not in sentence


@pytest.mark.parametrize("name", CASES)
def test_a_sharded_crawl_of_one_session_has_its_limit(name: str) -> None:
    given, expected = CASES[name]
    record = session()
    report = change(
        record.report,
        concurrency=given.concurrency,
        wall_s=given.wall_s,
        budget=given.budget,
        slots=given.slots,
        cpu=given.cpu,
        connections=given.handshakes.connections,
    )
    waits = WaitSums(total_s=given.handshakes.io_wait_s, handshake_s=given.handshakes.wait_s)
    whole = merge(
        [shard(change(record, report=report, waits=waits, limits=given))],
        change(DRIVER, slots=1, wall_s=given.wall_s / 1e3),
    )
    assert whole.limited_by.what == expected
    assert whole.limited_by.says == limited_by(given).says


def test_every_limit_has_its_case() -> None:
    # Only a whole of shards can lack them, see test_merge.py.
    assert {expected for _, expected in CASES.values()} == set(Limiter) - {Limiter.SHARDS}


def test_a_sentence_contains_its_figure() -> None:
    assert "80 %" in limited_by(facts(IDLE, {"used": 0.2, "politeness": 0.8})).says
    full = {"backpressure": 1.0, "parsing": 1.0}
    busy = limited_by(facts(IDLE, full, workers=1, parse=0.9))
    assert "the 1 parse worker, busy 90 %" in busy.says
    idle = limited_by(facts(IDLE, full, workers=2, parse=0.03))
    assert "2 parse workers, which computed only 3 % of their time" in idle.says
    assert "more --workers than there are cores" in idle.change


def test_the_cost_of_handshakes_is_named() -> None:
    busy = limited_by(facts(BUSY, {"used": 1.0}, handshakes=tls(900, 100)))
    assert "computing 85 % of the time, and had to open a TLS connection for 90 % of" in busy.says
    idle = limited_by(facts(IDLE, {"used": 1.0}, handshakes=waits(0.6, 0.9)))
    assert "60 % of the I/O wait was for opening connections" in idle.says
    assert idle.change.endswith("Raise --concurrency (it was 10).")


def test_advice_about_handshakes_depends_on_whether_any_connection_was_kept() -> None:
    for reused, advice in (
        (0, "Use an engine that keeps"),
        (1, "If the hosts have more pages, sort"),
    ):
        for given in (
            facts(BUSY, {"used": 1.0}, handshakes=tls(900, reused)),
            facts(IDLE, {"used": 1.0}, handshakes=waits(0.6, 0.9, reused)),
        ):
            assert limited_by(given).change.startswith(advice)


@pytest.mark.promise("P72")
def test_a_run_without_a_page_gets_no_advice() -> None:
    found = facts(IDLE, {"used": 0.01, "politeness": 0.99}, entries=1, done=0)
    limit = limited_by(found)
    assert limit.says == "No page was done: 1 URL failed or was skipped."
    assert limit.change == "See failures.jsonl and skipped.jsonl."
    sharded = msgspec.structs.replace(found, sharded=True)
    assert limited_by(sharded).change == "See failures.jsonl and skipped.jsonl of each shard."


def test_the_lock_is_shown_by_the_cores_that_were_used() -> None:
    given = facts({"computing": 0.4, "waiting": 0.6}, {"used": 1.0}, parse=0.25, locked=True)
    assert "together used 0.9 CPU cores" in limited_by(given).says


def test_sequential_is_not_advised_to_raise_concurrency() -> None:
    limit = limited_by(facts(IDLE, {"used": 1.0}, concurrency=1))
    assert limit.what == Limiter.CONCURRENCY and "any engine except sequential" in limit.change
