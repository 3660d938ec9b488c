"""When the slots are looked at, nobody is called late because of us."""

import pytest

from crawler.pipeline.slot_watch import EVERY, can_judge

pytestmark = pytest.mark.promise("P79")


def test_an_idle_crawler_can_judge() -> None:
    assert can_judge(EVERY, 0.01)


def test_a_busy_crawler_cannot() -> None:
    assert not can_judge(EVERY, 0.9 * EVERY)


def test_a_late_look_cannot() -> None:
    assert not can_judge(60.0, 0.01), "the machine was suspended"
