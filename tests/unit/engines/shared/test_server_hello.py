"""What a server's first flight says: those of OpenSSL, and every way to cut or damage one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.handshakes import TLS_VERSIONS, Handshakes

from crawler.engines.shared.server_hello import is_resumed

SECRET = b"\x17\x03\x03\x00\x10" + bytes(16)
FLIGHTS = {
    name: (handshakes.shake(), handshakes.shake())
    for name, handshakes in {
        "1.2": Handshakes(TLS_VERSIONS["1.2"]),
        "1.3": Handshakes(TLS_VERSIONS["1.3"]),
        "1.3 with a retry": Handshakes(TLS_VERSIONS["1.3"], "secp521r1"),
    }.items()
}
"""The flights of a full handshake, and those of one that resumes."""


@pytest.mark.parametrize("name", FLIGHTS)
def test_full_and_resumed_handshakes_are_told_apart(name: str) -> None:
    full, resumed = FLIGHTS[name]
    assert _first_answer(full) is False
    assert _first_answer(resumed) is True


def _first_answer(flights: list[bytes]) -> bool | None:
    """As an engine looks: at each flight, until one of them says it."""
    return next((said for said in map(is_resumed, flights) if said is not None), None)


def test_a_retry_says_nothing_yet() -> None:
    (retry, *_), _ = FLIGHTS["1.3 with a retry"]
    assert is_resumed(retry) is None


def test_a_change_of_cipher_may_come_before_it() -> None:
    full, resumed = FLIGHTS["1.3"]
    changing = b"\x14\x03\x03\x00\x01\x01"
    assert is_resumed(changing + full[0]) is False
    assert is_resumed(changing + resumed[0]) is True


def test_version_1_2_may_put_all_messages_into_one_record() -> None:
    """OpenSSL has a record for each message, other servers do not."""
    full, resumed = FLIGHTS["1.2"]
    assert is_resumed(_joined(full[0])) is False
    assert is_resumed(_joined(resumed[0])) is True


def _joined(flight: bytes) -> bytes:
    """The handshake messages of ``flight`` in one record, up to the first other record."""
    messages = b""
    while flight[:1] == b"\x16":
        size = int.from_bytes(flight[3:5])
        messages += flight[5 : 5 + size]
        flight = flight[5 + size :]
    return b"\x16\x03\x03" + len(messages).to_bytes(2) + messages + flight


@pytest.mark.parametrize("name", FLIGHTS)
@pytest.mark.parametrize("which", [0, 1])
def test_a_part_says_the_same_or_nothing(name: str, which: int) -> None:
    for flight in FLIGHTS[name][which]:
        whole = is_resumed(flight)
        assert {is_resumed(flight[:size]) for size in range(len(flight))} <= {None, whole}


@pytest.mark.parametrize(
    "other", [b"", b"HTTP/1.1 200 OK\r\n\r\n", SECRET, b"\x15\x03\x03\x00\x02\x02\x28", b"\x05\x00"]
)
def test_anything_else_says_nothing(other: bytes) -> None:
    assert is_resumed(other) is None


@given(st.binary(max_size=200), st.integers(0, 120), st.sampled_from(sorted(FLIGHTS)))
def test_damage_raises_nothing(damage: bytes, at: int, name: str) -> None:
    flight = FLIGHTS[name][1][-1]
    is_resumed(flight[:at] + damage + flight[at + len(damage) :])
    is_resumed(flight[:at] + damage)
    is_resumed(damage)
