"""Which sessions are kept, for which owner, and how many."""

import ssl

import pytest
from support.handshakes import TLS_VERSIONS, Handshakes

from crawler.engines.shared.tls_sessions import SessionOwner, TlsSessions

HANDSHAKES = Handshakes(TLS_VERSIONS["1.3"])
HANDSHAKES.shake()
assert HANDSHAKES.session is not None
SESSION, CLIENT = HANDSHAKES.session, HANDSHAKES.client
OWNER = (CLIENT, "shop.example:443")


def test_a_session_is_used_once() -> None:
    sessions = TlsSessions()
    sessions.keep(OWNER, SESSION)
    assert sessions.take(OWNER) is SESSION
    assert sessions.take(OWNER) is None


@pytest.mark.promise("P09", "P107")
@pytest.mark.parametrize(
    "other",
    [
        (CLIENT, "shop.example:8443"),
        (CLIENT, "other.example:443"),
        (ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "shop.example:443"),
    ],
    ids=("another port", "another host", "another verification"),
)
def test_a_session_is_only_for_its_owner(other: SessionOwner) -> None:
    sessions = TlsSessions()
    sessions.keep(OWNER, SESSION)
    assert sessions.take(other) is None


def test_the_origins_used_last_keep_a_few_sessions_each() -> None:
    sessions = TlsSessions(origins=2)
    owners = [(CLIENT, f"{number}.example:443") for number in range(3)]
    for owner in (owners[0], owners[1], owners[0], owners[2]):
        for _ in range(10):
            sessions.keep(owner, SESSION)
    found = [sum(sessions.take(owner) is not None for _ in range(10)) for owner in owners]
    assert found == [4, 0, 4]


def test_what_cannot_be_resumed_is_not_kept() -> None:
    """In TLS 1.3 there is nothing to resume before the first ticket has come."""
    sessions = TlsSessions()
    sessions.keep(OWNER, None)
    begun = CLIENT.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="shop.example")
    sessions.keep(OWNER, begun.session)
    assert sessions.take(OWNER) is None
