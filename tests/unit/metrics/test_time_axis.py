"""Sessions of several machines on one time axis; more of it in tests/property."""

import pytest

from crawler.metrics.time_axis import SessionSpan, TimeAxis, responses_per_second

SPANS = [SessionSpan(100, 110, 50), SessionSpan(105, 120, 30), SessionSpan(1000, 1020, 40)]


@pytest.mark.parametrize(
    ("moment", "place"),
    [(90, 0), (100, 0), (112, 12), (120, 20), (500, 20), (1000, 20), (1015, 35), (9999, 40)],
)
def test_pauses_are_cut_out(moment: float, place: float) -> None:
    axis = TimeAxis(SPANS)
    assert axis.length == 40
    assert axis.at(moment) == place


def test_the_responses_of_a_session_come_evenly() -> None:
    found = responses_per_second(SPANS, TimeAxis(SPANS), 8)
    assert found == pytest.approx([5, 7, 2, 2, 2, 2, 2, 2])


def test_nothing_has_an_axis_without_a_length() -> None:
    axis = TimeAxis([])
    assert (axis.length, axis.at(5.0)) == (0.0, 0.0)
