"""What the opening of a connection waited for, from what the kernel reports at some moments."""

import pytest

from crawler.engines.shared.kernel import OpeningInfo, TcpInfo
from crawler.engines.shared.opening import Opening

BEGUN = 100.0


def info(
    sent_ago: float = 0.0,
    received_ago: float = 0.0,
    *,
    acknowledged_ago: float = 0.0,
    rtt: float = 0.02,
    retransmitted: int = 0,
    sent: int = 0,
) -> OpeningInfo:
    last = TcpInfo(sent_ago, received_ago)
    return OpeningInfo(last, acknowledged_ago, rtt, retransmitted, sent)


def test_tcp_is_the_round_trip_of_the_kernel() -> None:
    opening = Opening(BEGUN)
    opening.fold(info(rtt=0.02), 105.0)
    opening.fold(info(rtt=0.4), 106.0)  # a delayed acknowledgement
    assert opening.waits(5.0, 0.0) == (0.02, 0.0)


def test_a_connection_that_was_tried_twice_ends_when_its_acknowledgement_came() -> None:
    opening = Opening(BEGUN)
    opening.fold(info(retransmitted=1, acknowledged_ago=2.0), 103.0)
    assert opening.waits(3.0, 0.0) == (pytest.approx(1.0), 0.0)


def test_every_turn_counts_once_however_late_it_is_seen() -> None:
    opening = Opening(BEGUN)
    opening.fold(info(), 101.0)
    opening.fold(info(0.010, 0.010, sent=100), 101.01)  # nothing has arrived yet
    opening.fold(info(0.9, 0.86, sent=100), 101.9)
    opening.fold(info(1.9, 1.85, sent=100), 102.9)  # the rest of the same answer
    opening.fold(info(0.0, 1.85, sent=300), 102.9)  # the next message is under way
    opening.fold(info(0.5, 0.4, sent=300), 103.4)
    assert opening.waits(1.0, 2.4) == (0.02, pytest.approx(0.05 + 0.1))


def test_without_data_of_the_kernel_the_clock_of_the_library_counts() -> None:
    assert Opening(BEGUN).waits(1.0, 2.0) == (1.0, 2.0)
