"""Finer than the contract: the exact kind of every failure, and limits that a library may hide."""

import pytest
from support.engines import LIBRARIES

from crawler.engines.base import Engine
from crawler.localweb.server import CUT, SILENCE, Answer
from crawler.model.errors import FailureKind
from crawler.testing.contract.helpers import ask, little_memory, outcome
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
