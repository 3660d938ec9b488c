"""One request, one response: nothing is followed, repeated, kept or decoded."""

import gzip
from typing import get_args

import pytest

from crawler.engines.base import Capabilities, Engine, Suspends
from crawler.localweb.connection import CLOSE, Answer
from crawler.model.errors import FailureKind, FetchError
from crawler.testing.contract.base import EngineTests, with_engine
from crawler.testing.contract.helpers import (
    CHUNKED,
    OK,
    SCHEMES,
    ask,
    must_fail,
    result,
    script,
)

_ONE = "one request, one response"
_EVIL = OK + b"Content-Length: 4\r\n\r\nEVIL"
_AND_MORE = {
    "a body": (OK + b"Content-Length: 5\r\n\r\nhello", (200, b"hello")),
    "chunks": (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", (200, b"hello")),
    "no body": (b"HTTP/1.1 204 No\r\n\r\n", (204, b"")),
}
"""Responses, and what they are when ``_EVIL`` follows them."""


class ExchangeTests(EngineTests):
    """One request, one response."""

    def test_capabilities_describe_the_engine(self) -> None:
        found = self.capabilities
        assert isinstance(found, Capabilities), f"capabilities are Capabilities: {found!r}"
        for name in ("name", "summary", "library"):
            assert getattr(found, name), f"capabilities have a {name}, which is shown to people"
        ways = get_args(Suspends)
        assert found.suspends in ways, f"capabilities.suspends is one of {ways}"
        unknown = {*found.proxies} - {"http", "https", "socks5"}
        assert not unknown, f"capabilities.proxies are schemes of proxies: {unknown}"

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_status_headers_and_body_are_returned(self, engine: Engine, scheme: str) -> None:
        lines = (("X-Name", "a: b"), ("X-Two", "1"), ("X-Two", "2"))
        answer = Answer(headers=lines, body=b"\0page\xff")
        server = self.serve(answer, scheme)
        response = await self.page(engine, ask(server))
        assert response.status == 200, "status is that of the response"
        assert response.body == answer.body, "body is as it was sent"
        assert response.http_version == "1.1", "http_version is that of the response"
        assert [pair for pair in response.headers if pair[0] != "connection"] == [
            ("x-name", "a: b"),
            ("x-two", "1"),
            ("x-two", "2"),
            ("content-length", "6"),
        ], "headers are all header lines in their order, names in lower case"
        sent = [(seen.method, seen.version) for seen in server.seen]
        assert sent == [("GET", "HTTP/1.1")], f"{_ONE}: a GET in HTTP/1.1"

    @with_engine
    async def test_header_values_are_trimmed(self, engine: Engine) -> None:
        lines = b"X-MiXed:  a  b \t\r\nX-Empty:\r\nX-Edge: \xa0e\x85\r\n"
        lines += b"Set-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 5\r\n\r\nhello"
        response = await self.page(engine, ask(self.serve(script(OK + lines))))
        assert response.headers == (
            ("x-mixed", "a  b"),
            ("x-empty", ""),
            ("x-edge", "\xa0e\x85"),  # only space and tab are whitespace (RFC 9110, 5.6.3)
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("content-length", "5"),
        ), "header values are Latin-1, without the spaces and tabs around them"

    @pytest.mark.parametrize("size", [0, 1, 65_536, 700_000])
    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_a_body_of_any_size_is_complete(
        self, engine: Engine, scheme: str, size: int
    ) -> None:
        body = (bytes(range(256)) * (size // 256 + 1))[:size]
        response = await self.page(engine, ask(self.serve(Answer(body=body), scheme)))
        assert response.body == body, "a body is complete"

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_chunks_are_joined(self, engine: Engine, scheme: str) -> None:
        chunks = (b"3;name=value\r\nabc\r\n", 0.01, b"A\r\n0123456789\r\n")
        server = self.serve(script(CHUNKED, *chunks, b"0\r\nX-Late: 1\r\n\r\n"), scheme)
        response = await self.page(engine, ask(server))
        clause = "the body is the chunks' data, without framing"
        assert (response.status, response.body) == (200, b"abc0123456789"), clause

    @pytest.mark.parametrize("status", [200, 204, 301, 304, 403, 404, 429, 500, 503])
    @with_engine
    async def test_every_status_is_a_response(self, engine: Engine, status: int) -> None:
        headers = (("Location", "/elsewhere"), ("Retry-After", "1"))
        server = self.serve(Answer(status, headers=headers))
        response = await self.page(engine, ask(server))
        assert response.status == status, "every status is a response"
        assert response.body == b"", "the body is that of the response"
        assert response.header("location") == "/elsewhere", "headers stay as they were sent"
        sent = [seen.target for seen in server.seen]
        assert sent == ["/"], f"{_ONE}: nothing is followed or tried again after a {status}"

    @with_engine
    async def test_a_redirect_is_not_followed(self, engine: Engine) -> None:
        server = self.serve(Answer(302, headers=(("Location", "/next"),), body=b"moved"))
        response = await self.page(engine, ask(server))
        sent = [seen.target for seen in server.seen]
        assert sent == ["/"], f"{_ONE}: an engine does not follow redirects"
        assert response.status == 302, "a redirect is returned as it is"
        assert response.body == b"moved", "a redirect has its body"
        assert response.header("location") == "/next", "a redirect has its Location"

    @pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "nonsense"])
    @with_engine
    async def test_the_content_encoding_is_not_decoded(self, engine: Engine, coding: str) -> None:
        body = gzip.compress(b"page " * 100)
        server = self.serve(Answer(headers=(("Content-Encoding", coding),), body=body))
        response = await self.page(engine, ask(server))
        assert response.body == body, "an engine does not decode the Content-Encoding"
        assert response.header("content-encoding") == coding, "headers stay as they were sent"

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_a_lost_request_is_not_sent_again(self, engine: Engine, scheme: str) -> None:
        server = self.serve(script(CLOSE), scheme)
        ended = await result(engine, ask(server), self.grace)
        assert len(server.seen) == 1, f"{_ONE}: an engine does not try again"
        assert isinstance(ended, FetchError), f"no response is a failure, not {ended!r}"
        must_fail(ended.kind, "a lost connection", FailureKind.RESET, FailureKind.TRUNCATED)
        assert not ended.reused, "reused is only for connections that were kept"

    @pytest.mark.parametrize("case", _AND_MORE)
    @with_engine
    async def test_bytes_after_a_response_answer_no_other_request(
        self, engine: Engine, case: str
    ) -> None:
        raw, expected = _AND_MORE[case]
        unexpected = script(raw + _EVIL)
        server = self.serve(
            lambda seen: unexpected if seen.target == "/raw" else Answer(body=b"fine")
        )
        ended = await self.outcome(engine, ask(server, "/raw"))
        clause = "bytes after a response are not part of it; the fetch may also fail with protocol"
        assert ended in (expected, FailureKind.PROTOCOL), clause
        ended = await self.afterwards(engine, ask(server, "/next"))
        assert ended == (200, b"fine"), "bytes after a response answer no other request"
