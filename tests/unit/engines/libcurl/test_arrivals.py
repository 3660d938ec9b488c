"""When the responses of streams arrived, from what the kernel reports at some moments."""

import socket
from collections.abc import Iterator

import pytest

from crawler.engines.libcurl.arrivals import (
    MOST_SPANS,
    STREAMS_OFF,
    Arrival,
    StreamArrivals,
    ThreadClock,
)
from crawler.engines.shared.kernel import ReceivedInfo

START = ThreadClock(100.0, 10.0)


@pytest.fixture
def arrivals() -> Iterator[StreamArrivals]:
    """Of a connection with two streams, whose kernel knows nothing: the test says what it knows."""
    with socket.socket() as sock:
        sock.close()
        found = StreamArrivals(sock, START)
        found.begin("one")
        found.begin("two")
        read(found)  # the handshake, of no byte here
        yield found


def read(arrivals: StreamArrivals) -> None:
    """An event: libcurl reads what was seen."""
    with socket.socket() as sock:
        sock.close()
        arrivals.look(sock, 0.0)


def test_a_busy_thread_knows_between_which_looks_bytes_came(arrivals: StreamArrivals) -> None:
    arrivals.fold(ReceivedInfo(1000, 0.01), ThreadClock(100.2, 10.2))
    arrivals.fold(ReceivedInfo(2000, 0.04), ThreadClock(100.4, 10.4))
    read(arrivals)
    assert arrivals.take(1000, 100.5) == (pytest.approx(100.0), pytest.approx(100.19), True)
    assert arrivals.take(1000, 100.5) == (pytest.approx(100.2), pytest.approx(100.36), True)


def test_an_idle_thread_reads_at_once(arrivals: StreamArrivals) -> None:
    arrivals.fold(ReceivedInfo(1000, 0.0), ThreadClock(100.2, 10.001))
    read(arrivals)
    assert arrivals.take(1000, 100.2) == (pytest.approx(100.199), pytest.approx(100.2), True)


def test_of_a_stream_alone_the_last_byte_is_the_connections(arrivals: StreamArrivals) -> None:
    arrivals.end("two")
    arrivals.fold(ReceivedInfo(1000, 0.01), ThreadClock(100.2, 10.2))
    arrivals.fold(ReceivedInfo(1500, 0.01), ThreadClock(100.4, 10.4))
    read(arrivals)
    assert arrivals.take(700, 100.5) == (pytest.approx(100.39), pytest.approx(100.39), False)


def test_bytes_of_no_response_fill_no_memory(arrivals: StreamArrivals) -> None:
    for number in range(1, 2 * MOST_SPANS):
        arrivals.fold(ReceivedInfo(number * 10, 0.0), ThreadClock(100.0 + number, 10.0 + number))
        read(arrivals)
    assert len(arrivals._spans) == MOST_SPANS


def test_what_was_handed_over_is_forgotten(arrivals: StreamArrivals) -> None:
    for number in range(1, 100):
        arrivals.fold(ReceivedInfo(number * 10, 0.0), ThreadClock(100.0 + number, 10.0 + number))
        arrivals.take(10, 100.0 + number)
    assert len(arrivals._spans) == 1


def test_a_response_cannot_arrive_before_its_request_was_sent() -> None:
    assert Arrival(90.0, 101.0, shared=True).since(100.0) == (0.5, 0.5)
    assert Arrival(100.5, 100.5, shared=True).since(100.0) == (0.5, 0.5 * STREAMS_OFF)
    assert Arrival(100.5, 100.5, shared=False).since(100.0) == (0.5, 0.0)


def test_no_stream_has_bytes_that_libcurl_has_not_read(arrivals: StreamArrivals) -> None:
    arrivals.fold(ReceivedInfo(1000, 0.0, unread=1000), ThreadClock(100.2, 10.2))
    read(arrivals)
    arrivals.fold(ReceivedInfo(1000, 0.0), ThreadClock(100.2, 10.2))
    arrivals.fold(ReceivedInfo(3000, 0.0, unread=2000), ThreadClock(100.4, 10.4))
    # More than it can be: what a head takes is a guess.
    assert arrivals.take(1200, 100.5).latest == pytest.approx(100.2)
    arrivals.fold(ReceivedInfo(3000, 0.0), ThreadClock(100.6, 10.6))
    assert arrivals.take(1000, 100.6).latest == pytest.approx(100.4)


def test_libcurl_may_read_more_before_it_hands_over_what_it_has(arrivals: StreamArrivals) -> None:
    for number in range(1, 4):
        arrivals.fold(ReceivedInfo(number * 1000, 0.0), ThreadClock(100.0 + number, 10.0 + number))
        read(arrivals)
    assert arrivals.take(1000, 104.0).latest == pytest.approx(101.0)
    assert arrivals.take(1000, 104.0).latest == pytest.approx(102.0)


def test_bytes_of_which_no_stream_hears_are_made_up_for(arrivals: StreamArrivals) -> None:
    arrivals.fold(ReceivedInfo(10_000, 0.0), ThreadClock(101.0, 11.0))
    arrivals.take_head(101.0)
    read(arrivals)
    arrivals.fold(ReceivedInfo(10_100, 0.0), ThreadClock(102.0, 12.0))
    arrivals.take_head(102.0)
    assert arrivals.take_head(102.0).latest == pytest.approx(102.0)


def test_the_size_of_heads_is_learned(arrivals: StreamArrivals) -> None:
    for number in range(1, 4):
        arrivals.fold(ReceivedInfo(number * 1040, 0.0), ThreadClock(100.0 + number, 11.0))
        arrivals.take_head(101.0)
        arrivals.take(1000, 101.0)
        read(arrivals)
    arrivals.fold(ReceivedInfo(4 * 1040, 0.0), ThreadClock(104.0, 11.0))
    arrivals.fold(ReceivedInfo(5 * 1040, 0.0), ThreadClock(105.0, 11.0))
    arrivals.take_head(105.0)
    assert arrivals.take(1000, 105.0).latest == pytest.approx(104.0)
    arrivals.take_head(105.0)
    assert arrivals.take(1000, 105.0).latest == pytest.approx(105.0)


def test_what_did_not_fit_may_have_been_sent_before(arrivals: StreamArrivals) -> None:
    full = ReceivedInfo(1000, 0.0, unread=1000, buffer=2000)
    arrivals.fold(full, ThreadClock(100.2, 10.2))
    arrivals.fold(full, ThreadClock(100.4, 10.4))
    read(arrivals)
    arrivals.fold(ReceivedInfo(2000, 0.0, buffer=2000), ThreadClock(100.6, 10.6))
    arrivals.fold(ReceivedInfo(3000, 0.0, buffer=2000), ThreadClock(100.8, 10.8))
    assert arrivals.take(1000, 101.0) == (pytest.approx(100.0), pytest.approx(100.2), True)
    assert arrivals.take(1000, 101.0) == (pytest.approx(100.0), pytest.approx(100.6), True)
    assert arrivals.take(1000, 101.0) == (pytest.approx(100.6), pytest.approx(100.8), True)
