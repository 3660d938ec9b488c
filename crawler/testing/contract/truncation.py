"""A response that is not complete, or not HTTP, is a failure and never a success."""

import pytest

from crawler.engines.base import Engine
from crawler.localweb.connection import CLOSE, CUT, RESET, Answer, Ending
from crawler.model.errors import FailureKind
from crawler.testing.contract.base import EngineTests, with_engine
from crawler.testing.contract.helpers import CHUNKED, OK, SCHEMES, ask, must_fail, script

_NINE = OK + b"Content-Length: 9\r\n\r\n"
INCOMPLETE = {
    "reset before the answer": (script(RESET), FailureKind.RESET),
    "end before the answer": (script(CLOSE), FailureKind.RESET),
    "end within the status line": (script(b"HTTP/1.1 200", CLOSE), FailureKind.TRUNCATED),
    "end within the headers": (script(OK, b"Content-Le", CLOSE), FailureKind.TRUNCATED),
    "end after a header line": (script(OK, b"Content-Length: 0\r\n", CLOSE), FailureKind.TRUNCATED),
    "end after a 1xx": (script(b"HTTP/1.1 103 Early Hints\r\n\r\n", CLOSE), FailureKind.TRUNCATED),
    "reset within the headers": (script(OK, 0.05, RESET), FailureKind.RESET),
    "reset within a body of known length": (script(_NINE, b"body", 0.05, RESET), FailureKind.RESET),
    "reset within a body without length": (script(OK, b"\r\nbody", 0.05, RESET), FailureKind.RESET),
    "reset within chunks": (script(CHUNKED, b"4\r\nbody\r\n", 0.05, RESET), FailureKind.RESET),
    "short body": (script(_NINE, b"body", CLOSE), FailureKind.TRUNCATED),
    "no body": (script(_NINE, CLOSE), FailureKind.TRUNCATED),
    "end within a chunk": (script(CHUNKED, b"9\r\nbody", CLOSE), FailureKind.TRUNCATED),
    "end between chunks": (script(CHUNKED, b"4\r\nbody\r\n", CLOSE), FailureKind.TRUNCATED),
    "end within a chunk size": (script(CHUNKED, b"4\r\nbody\r\n1", CLOSE), FailureKind.TRUNCATED),
    "end within trailers": (
        script(CHUNKED, b"4\r\nbody\r\n0\r\nX-Late: 1\r\n", CLOSE),
        FailureKind.TRUNCATED,
    ),
}
"""Answers, and the kinds that tell most. Not every library knows how a connection ended."""
_NOT_HTTP = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/0.9": b"<html>hello</html>",
    "binary": bytes(range(256)) * 4,
    "no status": b"HTTP/1.1 abc OK\r\nContent-Length: 5\r\n\r\nhello",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 47\r\n\r\nhello",
    "a chunk size in words": CHUNKED + b"many\r\nhello\r\n0\r\n\r\n",
}


class TruncationTests(EngineTests):
    """A body that is cut off is never a success."""

    @pytest.mark.parametrize("case", INCOMPLETE)
    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_an_incomplete_response_is_a_failure(
        self, engine: Engine, scheme: str, case: str
    ) -> None:
        answer, _ = INCOMPLETE[case]
        server = self.serve(answer, scheme)
        ended = await self.outcome(engine, ask(server))
        must_fail(ended, "an incomplete response", FailureKind.RESET, FailureKind.TRUNCATED)
        assert len(server.seen) == 1, "an incomplete response is not requested again"

    @pytest.mark.parametrize("ending", [CLOSE, CUT], ids=["close", "cut"])
    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_a_body_without_length_needs_a_proper_end(
        self, engine: Engine, scheme: str, ending: Ending
    ) -> None:
        server = self.serve(script(OK, b"\r\nwhole?", ending), scheme)
        ended = await self.outcome(engine, ask(server))
        if ending is CUT and scheme == "https":
            # Somebody on the way may have cut it off (RFC 8446, 6.1).
            must_fail(ended, "TLS without close_notify", FailureKind.RESET, FailureKind.TRUNCATED)
        else:
            assert ended == (200, b"whole?"), "a body without length ends with the connection"

    @pytest.mark.parametrize("case", _NOT_HTTP)
    @with_engine
    async def test_anything_but_http_is_a_failure(self, engine: Engine, case: str) -> None:
        server = self.serve(
            lambda seen: (
                script(_NOT_HTTP[case], CLOSE) if seen.target == "/raw" else Answer(body=b"fine")
            )
        )
        ended = await self.outcome(engine, ask(server, "/raw"))
        kinds = (FailureKind.PROTOCOL, FailureKind.RESET, FailureKind.TRUNCATED)
        must_fail(ended, "a response that is not HTTP", *kinds)
        ended = await self.afterwards(engine, ask(server))
        assert ended == (200, b"fine"), "a bad response does not spoil the next fetch"
