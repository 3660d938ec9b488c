"""Finer than the contract: the exact kind of every failure, and limits that a library may hide."""

import socket
import struct
import threading

import pytest
from support.engines import LIBRARIES

from crawler.engines.base import Engine
from crawler.localweb.server import CLOSE, CUT, RESET, SILENCE, Answer
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Endpoint, Request
from crawler.testing.contract.helpers import ask, little_memory, outcome, result
from crawler.testing.contract.limits import FRAMINGS
from crawler.testing.contract.truncation import INCOMPLETE

# Library, scheme, case → the failure kind there, and why it differs.
OTHER_KINDS = {
    ("libcurl", scheme, "end within the status line"): (
        FailureKind.RESET,
        "libcurl counts a response only after its first complete line",
    )
    for scheme in ("http", "https")
} | {
    ("urllib", "https", case): (
        FailureKind.TRUNCATED,
        "the ssl module has one error for every end without a closing alert",
    )
    for case in INCOMPLETE
    if case.startswith("reset within")
}
# Where only the deadline limits an engine, and why.
UNBOUNDED = {("libcurl", "chunk extension"): "libcurl skips extensions without a callback"}


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
BROKEN_OFF = {
    "closed before the response": ((CLOSE,), False),
    "reset before the response": ((RESET,), False),
    "silent before the response": ((SILENCE,), False),
    "closed within the body": ((HEAD, b"part", CLOSE), True),
    "reset within the body": ((HEAD, b"part", 0.1, RESET), True),
    "silent within the body": ((HEAD, b"part", SILENCE), True),
}
"""What a server sends, and whether something came from it."""


@pytest.mark.promise("P45")
@pytest.mark.parametrize("case", BROKEN_OFF)
async def test_an_error_says_whether_something_came(
    engine: Engine, serve, scheme: str, case: str
) -> None:
    steps, answered = BROKEN_OFF[case]
    ended = await result(engine, ask(serve(Answer(script=steps), scheme), timeout=0.5))
    assert isinstance(ended, FetchError)
    assert (ended.answered, ended.reused) == (answered, False)


@pytest.mark.promise("P45")
@pytest.mark.parametrize("ending", ["closes", "resets"])
async def test_a_handshake_that_is_cut_is_not_an_answer(engine: Engine, ending: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        cutting = threading.Thread(target=cut, args=(listener, ending == "resets"))
        cutting.start()
        request = Request(
            f"https://127.0.0.1:{port}/", Endpoint("127.0.0.1", "127.0.0.1", port), (), 5.0, 99
        )
        ended = await result(engine, request)
        cutting.join()
    assert isinstance(ended, FetchError)
    assert (ended.kind, ended.answered) == (FailureKind.TLS, False)


def cut(listener: socket.socket, reset: bool) -> None:
    """Accept a connection, read the ClientHello, and end the connection."""
    client, _ = listener.accept()
    with client:
        client.recv(65536)
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.promise("P45")
async def test_a_rejected_certificate_is_an_answer(engine: Engine, serve) -> None:
    server = serve(Answer(), "https")
    ended = await result(engine, ask(server, host="wrong.example"))
    assert isinstance(ended, FetchError)
    assert (ended.kind, ended.answered) == (FailureKind.TLS, True)


@pytest.mark.promise("P14", "P18", "P19")
@pytest.mark.parametrize("case", INCOMPLETE)
async def test_an_incomplete_response_has_its_kind(
    engine: Engine, engine_name: str, serve, scheme: str, case: str
) -> None:
    answer, kind = INCOMPLETE[case]
    expected, _ = OTHER_KINDS.get((LIBRARIES[engine_name], scheme, case), (kind, ""))
    assert await outcome(engine, ask(serve(answer, scheme))) is expected


@pytest.mark.promise("P14")
async def test_tls_without_close_notify_is_truncated(engine: Engine, serve) -> None:
    server = serve(Answer(script=(b"HTTP/1.1 200 OK\r\n\r\nwhole?", CUT)), "https")
    assert await outcome(engine, ask(server)) is FailureKind.TRUNCATED


async def test_a_content_length_over_the_limit_fails_early(engine: Engine, serve) -> None:
    server = serve(Answer(script=(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", SILENCE)))
    assert await outcome(engine, ask(server, max_bytes=1000, timeout=3.0)) is FailureKind.TOO_LARGE


@pytest.mark.promise("P15")
@pytest.mark.parametrize("case", FRAMINGS)
async def test_everything_around_a_body_is_bounded(
    engine: Engine, engine_name: str, serve, case: str
) -> None:
    unbounded = (LIBRARIES[engine_name], case) in UNBOUNDED
    with little_memory():
        request = ask(serve(FRAMINGS[case]), timeout=0.3 if unbounded else 10.0)
        ended = await outcome(engine, request)
    assert ended is (FailureKind.TIMEOUT if unbounded else FailureKind.PROTOCOL)
