"""The I/O wait that is reported is that of the network, with a fetch thread that is always busy."""

from pathlib import Path

import pytest
from support.waits import ENGINES_WITH, PARTS, measure

TOLERANCE = 0.05
OF_STREAMS = 0.15
"""Of one connection for many streams, the kernel knows less; ``method`` says so."""
LATENCY, TICK = 0.05, 0.004
"""Of the servers, and of the kernel's clock, in seconds."""
LEVELS = {1: 30, 64: 256, 256: 768}
"""Requests at once: how many pages."""


@pytest.mark.promise("P70")
@pytest.mark.parametrize("part", ["proxy", "names"])
def test_no_part_of_the_wait_contains_our_own_delay(tmp_path: Path, engine: str, part: str) -> None:
    concurrency, pages = (1, 6) if engine == "sequential" else (64, 128)
    found = measure(tmp_path, part, engine, concurrency, pages)
    assert found.reported.method == "kernel"
    assert found.ratio == pytest.approx(1, abs=TOLERANCE)
    turns = 2 if part == "proxy" else 1  # CONNECT and TLS, or the look-up
    assert found.reported.handshake_s > turns * pages * (LATENCY - TICK)


@pytest.mark.promise("P70")
@pytest.mark.engines("curl")
def test_a_name_that_is_answered_by_tcp_is_timed_too(tmp_path: Path, engine: str) -> None:
    assert measure(tmp_path, "names", engine, 64, 128, truncated=True).ratio == pytest.approx(
        1, abs=TOLERANCE
    )


@pytest.mark.promise("P70")
@pytest.mark.engines("curl")
def test_streams_that_share_a_connection_have_waits_of_their_own(
    tmp_path: Path, engine: str
) -> None:
    found = measure(tmp_path, "http2", engine, 64, 256)
    assert "±" in found.reported.method
    # The sum of latencies is at least twice the wait.
    assert found.ratio == pytest.approx(1, abs=2 * OF_STREAMS)


@pytest.mark.long
@pytest.mark.promise("P70")
@pytest.mark.parametrize("concurrency", LEVELS)
@pytest.mark.parametrize("part", PARTS)
def test_the_wait_is_true_for_every_part(
    tmp_path: Path, engine: str, part: str, concurrency: int
) -> None:
    if engine not in ENGINES_WITH.get(part, (engine,)):
        return
    if engine == "sequential" and concurrency > 1:
        return
    found = measure(tmp_path, part, engine, concurrency, LEVELS[concurrency])
    assert found.ratio == pytest.approx(1, abs=OF_STREAMS if part == "http2" else TOLERANCE)
