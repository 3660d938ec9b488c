"""What is sent: the headers and the path as given, and nothing of other requests or of the user."""

import re
from pathlib import Path

import pytest

from crawler.engines.base import Engine
from crawler.localweb.connection import Answer
from crawler.localweb.server import Server
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Headers
from crawler.testing.contract.base import EngineTests, on_loop, with_engine
from crawler.testing.contract.helpers import HEADERS, SCHEMES, ask, must_fail, result

_AS_GIVEN: Headers = (
    ("User-Agent", "contract/1 (+https://example.com/)"),
    ("Accept", "text/html,*/*;q=0.1"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("x-lower-UPPER", "spelled as given"),
    ("X-Empty", ""),
    ("X-Bytes", "a character is a byte: \xe9, \xc3\xa9"),
    ("X-Twice", "one"),
    ("X-Twice", "two"),
)
_LOGIN = "Basic c2VjcmV0"
_WITH_LOGIN: Headers = (*HEADERS, ("Authorization", _LOGIN), ("Cookie", "a=b"))
PATHS = (
    "/",
    "/?",
    "/a/../b%7e",
    "/./a//b/",
    "//x",
    "/%2F%2e%2e/",
    "/?q=a%20b&c=%C3%A4",
    "/a;b=c?x=/../y",
    "/{a}|b'\"!",
)
_LINE_ENDS = ("\r\n", "\n", "\r", "\0")


class SentTests(EngineTests):
    """What is sent."""

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_request_headers_are_sent_as_given(self, engine: Engine, scheme: str) -> None:
        server = self.serve(Answer(), scheme)
        await self.page(engine, ask(server, headers=_AS_GIVEN))
        (sent,) = _sent(server)
        assert sent == _AS_GIVEN, "exactly request.headers are sent, plus Host and Connection"
        assert server.seen[0].host == f"127.0.0.1:{server.port}", "Host is that of request.url"

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_headers_do_not_carry_over(self, engine: Engine, scheme: str) -> None:
        server = self.serve(Answer(body=b"x"), scheme)
        for headers in (_WITH_LOGIN, HEADERS, (), _WITH_LOGIN, ()):
            await self.page(engine, ask(server, host="shop.example", headers=headers))
        assert _sent(server) == [
            _WITH_LOGIN,
            HEADERS,
            (),
            _WITH_LOGIN,
            (),
        ], "the headers of one request do not carry over to the next"

    @with_engine
    async def test_cookies_are_not_kept(self, engine: Engine) -> None:
        server = self.serve(Answer(headers=(("Set-Cookie", "a=b; Path=/"),)))
        for _ in range(2):
            await self.page(engine, ask(server, host="shop.example"))
        assert _sent(server)[1] == HEADERS, "an engine keeps no cookies"

    @pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"])
    @pytest.mark.parametrize("scheme", SCHEMES)
    @on_loop
    async def test_environment_proxies_are_not_used(
        self, scheme: str, variable: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        proxy, server = self.serve(Answer(502)), self.serve(Answer(body=b"direct"), scheme)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(variable, proxy.url())
        async with self.engine() as engine:
            ended = await self.outcome(engine, ask(server, host="shop.example"))
        assert proxy.connections == 0, (
            f"an engine does not take a proxy from the environment: {variable}"
        )
        assert ended == (200, b"direct"), "a request without a proxy goes to its endpoint"

    @on_loop
    async def test_netrc_is_not_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        netrc = tmp_path / ".netrc"
        netrc.write_text("default login somebody password secret\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(netrc))
        server = self.serve(Answer())
        async with self.engine() as engine:
            await self.page(engine, ask(server))
        login = server.seen[0].header("authorization")
        assert login == "", "an engine does not take a login from .netrc"

    @pytest.mark.parametrize("path", PATHS)
    @with_engine
    async def test_the_path_is_sent_unchanged(self, engine: Engine, path: str) -> None:
        server = self.serve(Answer())
        await self.page(engine, ask(server, path))
        sent = [_capital_escapes(seen.target) for seen in server.seen]
        clause = "the path is sent as in request.url; only escapes may become %7E from %7e"
        assert sent == [_capital_escapes(path)], clause

    @pytest.mark.parametrize("end", _LINE_ENDS)
    @with_engine
    async def test_a_url_with_a_control_character_is_refused(
        self, engine: Engine, end: str
    ) -> None:
        server = self.serve(Answer())
        ended = await self.outcome(engine, ask(server, f"/a{end}Evil: 1"))
        must_fail(ended, "a URL with a control character", FailureKind.URL, FailureKind.PROTOCOL)
        await self.page(engine, ask(server))
        sent = [seen.target for seen in server.seen]
        assert sent == ["/"], "no control character is sent"

    @pytest.mark.parametrize("end", [*_LINE_ENDS, "\r\n "])
    @pytest.mark.parametrize("place", ["name", "value"])
    @with_engine
    async def test_a_header_with_a_control_character_is_refused(
        self, engine: Engine, place: str, end: str
    ) -> None:
        server = self.serve(Answer())
        text = f"{_LOGIN}{end}Evil: 1"
        headers = ((text, "1"),) if place == "name" else (("Authorization", text),)
        ended = await result(engine, ask(server, headers=headers), self.grace)
        assert isinstance(ended, FetchError), "a header with a control character is refused"
        must_fail(ended.kind, "a header with a control character", FailureKind.PROTOCOL)
        assert _LOGIN not in ended.message, "an error does not show what a header contains"
        await self.page(engine, ask(server))
        assert len(server.seen) == 1, "no control character is sent"


def _sent(server: Server) -> list[Headers]:
    """Header lines of each request at the server, without those that the engine itself adds."""
    own = {"host", "connection"}
    return [
        tuple((name, value) for name, value in seen.headers if name.lower() not in own)
        for seen in server.seen
    ]


def _capital_escapes(path: str) -> str:
    """RFC 3986, 6.2.2.1 calls the two spellings equivalent, and libraries choose one."""
    return re.sub("%..", lambda escape: escape[0].upper(), path)
