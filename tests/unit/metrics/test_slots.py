from crawler.metrics.report import SlotSeconds
from crawler.metrics.slots import Slots


def test_used_slots_and_the_reason_for_the_others() -> None:
    slots = Slots(4, started=10)
    slots.close(11, 1, "politeness")
    slots.close(13, 4, "starved")
    slots.close(14, 3, "backpressure")
    assert slots.end(16) == SlotSeconds(
        used=2 * 1 + 4 + 2 * 3, starved=4, politeness=2 * 3, backpressure=2 * 1
    )


def test_a_clock_that_lags_takes_nothing_back() -> None:
    """A loop's clock may stand behind the one that was read at the start."""
    slots = Slots(2, started=10)
    slots.close(9.5, 2, "starved")
    assert slots.end(11) == SlotSeconds(used=2)


def test_more_in_flight_than_slots_counts_as_all_used() -> None:
    slots = Slots(2, started=0)
    slots.close(0, 5, "starved")
    assert slots.end(1) == SlotSeconds(used=2)
