"""Reads from a TLS server's first flight whether it resumes a session (RFC 8446, 4.1.3; RFC 5246).

These messages are sent as plain text. For engines whose library does not tell it.
"""

MOST_BYTES = 2_048
"""Enough for a ServerHello, also with the key share of a hybrid key exchange (1,120 bytes)."""
_CHANGE_CIPHER_SPEC, _HANDSHAKE = 20, 22
_SERVER_HELLO, _NEW_SESSION_TICKET = 2, 4
_PRE_SHARED_KEY, _SUPPORTED_VERSIONS = 41, 43
_RECORD_HEAD, _MESSAGE_HEAD = 5, 4
_RANDOM = slice(2, 34)
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a HelloRetryRequest: the ServerHello follows later."""


def is_resumed(flight: bytes) -> bool | None:
    """Whether the server that sent ``flight`` resumes a session.

    None if it contains no ServerHello, or not enough of what follows it.
    """
    flight = _without_change_cipher_spec(flight)
    hello = _message(flight)
    if hello is None or hello[_RANDOM] == _RETRY:
        return None
    found = _extensions(hello)
    if _SUPPORTED_VERSIONS in found:
        return _PRE_SHARED_KEY in found
    return _is_abbreviated(flight, _MESSAGE_HEAD + len(hello))


def _without_change_cipher_spec(flight: bytes) -> bytes:
    """One may follow a HelloRetryRequest (RFC 8446, D.4)."""
    return flight[_RECORD_HEAD + 1 :] if flight[:1] == bytes([_CHANGE_CIPHER_SPEC]) else flight


def _message(flight: bytes) -> bytes | None:
    """The body of the ServerHello at the start of ``flight``, or None."""
    start = _RECORD_HEAD + _MESSAGE_HEAD
    if len(flight) < start or flight[0] != _HANDSHAKE or flight[_RECORD_HEAD] != _SERVER_HELLO:
        return None
    size = int.from_bytes(flight[_RECORD_HEAD + 1 : start])
    body = flight[start : start + size]
    return body if len(body) == size else None


def _extensions(hello: bytes) -> set[int]:
    """The types of the extensions. A malformed message has some of them or none."""
    at = _RANDOM.stop
    at += 1 + hello[at] if len(hello) > at else 0  # the session's ID
    at += 5  # cipher suite, compression, size of all extensions
    found = set()
    while at + 4 <= len(hello):
        found.add(int.from_bytes(hello[at : at + 2]))
        at += 4 + int.from_bytes(hello[at + 2 : at + 4])
    return found


def _is_abbreviated(flight: bytes, size: int) -> bool | None:
    """Whether TLS 1.2 continues without a certificate after a ServerHello of ``size`` bytes."""
    in_record = int.from_bytes(flight[3:_RECORD_HEAD])
    rest = flight[_RECORD_HEAD + size :]
    if in_record > size:
        return rest[0] == _NEW_SESSION_TICKET if rest else None
    if rest[:1] == bytes([_CHANGE_CIPHER_SPEC]):
        return True
    return rest[_RECORD_HEAD] == _NEW_SESSION_TICKET if len(rest) > _RECORD_HEAD else None
