from crawler.metrics.report import SlotSeconds
from crawler.metrics.slots import Slots


def test_slots_are_used_or_have_a_reason() -> None:
    slots = Slots(4, started=10)
    slots.close(11, 1, "politeness")
    slots.close(13, 4, "starved")
    slots.close(14, 3, "backpressure")
    assert slots.end(16) == SlotSeconds(
        used=2 * 1 + 4 + 2 * 3, starved=4, politeness=2 * 3, backpressure=2 * 1
    )


def test_the_reasons_of_back_pressure_are_distinguished() -> None:
    slots = Slots(2, started=0)
    slots.close(0, 1, "backpressure", parse_full=True)
    slots.close(3, 1, "backpressure", memory_full=True)
    slots.close(5, 1, "backpressure")
    assert slots.end(6) == SlotSeconds(used=6, backpressure=6, parsing=3)
    assert slots.memory == 2


def test_waiting_for_silent_hosts_is_a_part_of_politeness() -> None:
    slots = Slots(4, started=0)
    slots.close(0, 1, "politeness")
    slots.close(2, 1, "politeness", silent=True)
    slots.close(5, 0, "starved")
    assert slots.end(5) == SlotSeconds(used=5, politeness=5 * 3, silent=3 * 3)


def test_a_late_clock_subtracts_nothing() -> None:
    """A loop's clock may stand behind the one that was read at the start."""
    slots = Slots(2, started=10)
    slots.close(9.5, 2, "starved")
    assert slots.end(11) == SlotSeconds(used=2)


def test_more_requests_than_slots_use_all_slots() -> None:
    slots = Slots(2, started=0)
    slots.close(0, 5, "starved")
    assert slots.end(1) == SlotSeconds(used=2)
