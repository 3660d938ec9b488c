"""The engine contract: what an engine sends, where it connects, and what it returns."""

import asyncio
import gzip
import re

import pytest
from support.engines import HEADERS, ask, once_a_connection

from crawler.engines.base import Engine
from crawler.localweb.server import CLOSE, Answer, Server
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Endpoint, Headers, Request

AS_GIVEN: Headers = (
    ("User-Agent", "contract/1 (+https://example.com/)"),
    ("Accept", "text/html,*/*;q=0.1"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("x-lower-UPPER", "spelled as given"),
    ("X-Empty", ""),
    ("X-Twice", "one"),
    ("X-Twice", "two"),
)
# libcurl writes escapes in upper case, which RFC 3986, 6.2.2.1 calls equivalent.
# ``auto`` starts with curl.
CAPITAL_ESCAPES = {"curl", "tornado", "auto"}


def sent(server: Server) -> list[Headers]:
    """Header lines of each request at the server, without those that the engine itself adds."""
    own = {"host", "connection"}
    return [
        tuple((name, value) for name, value in seen.headers if name.lower() not in own)
        for seen in server.seen
    ]


async def test_status_headers_and_body_are_returned(engine: Engine, serve, scheme: str) -> None:
    page = Answer(headers=(("X-Name", "a: b"), ("X-Two", "1"), ("X-Two", "2")), body=b"\0page\xff")
    server = serve(page, scheme)
    response = await engine.fetch(ask(server))
    assert (response.status, response.body, response.http_version) == (200, page.body, "1.1")
    assert [(name, value) for name, value in response.headers if name != "connection"] == [
        ("x-name", "a: b"),
        ("x-two", "1"),
        ("x-two", "2"),
        ("content-length", "6"),
    ]
    assert [(seen.method, seen.version) for seen in server.seen] == [("GET", "HTTP/1.1")]


@pytest.mark.parametrize("size", [0, 1, 65_536, 700_000])
async def test_bodies_of_any_size_are_complete(
    engine: Engine, serve, scheme: str, size: int
) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    response = await engine.fetch(ask(serve(Answer(body=body[:size]), scheme)))
    assert response.body == body[:size]


async def test_chunked_bodies_are_joined(engine: Engine, serve, scheme: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = (b"3;name=value\r\nabc\r\n", 0.01, b"A\r\n0123456789\r\n", b"0\r\nX-Late: 1\r\n\r\n")
    response = await engine.fetch(ask(serve(Answer(script=(head, *chunks)), scheme)))
    assert (response.status, response.body) == (200, b"abc0123456789")


@pytest.mark.parametrize("status", [200, 204, 301, 304, 403, 404, 429, 500, 503])
async def test_every_status_returns_a_response(engine: Engine, serve, status: int) -> None:
    server = serve(Answer(status, headers=(("Location", "/elsewhere"),)))
    response = await engine.fetch(ask(server))
    assert (response.status, response.body) == (status, b"")
    assert response.header("location") == "/elsewhere"
    assert [seen.target for seen in server.seen] == ["/"]


async def test_headers_are_sent_as_given(engine: Engine, serve, scheme: str) -> None:
    server = serve(Answer(), scheme)
    await engine.fetch(ask(server, headers=AS_GIVEN))
    assert sent(server) == [AS_GIVEN]
    assert server.seen[0].host == f"127.0.0.1:{server.port}"


@pytest.mark.promise("P04")
async def test_no_header_is_added_or_kept(engine: Engine, serve) -> None:
    server = serve(Answer(headers=(("Set-Cookie", "a=b; Path=/"),)))
    await engine.fetch(ask(server, headers=(("Authorization", "Basic c2VjcmV0"),)))
    await engine.fetch(ask(server, headers=()))
    await engine.fetch(ask(server, headers=HEADERS))
    assert sent(server)[1:] == [(), HEADERS]


async def test_dials_the_endpoint_and_sends_the_host_name(
    engine: Engine, serve, scheme: str
) -> None:
    server = serve(Answer(body=b"sold"), scheme, addresses=("127.0.0.5",))
    response = await engine.fetch(ask(server, host="shop.example", dial="127.0.0.5"))
    assert response.body == b"sold"
    assert server.seen[0].host == f"shop.example:{server.port}"
    assert server.seen[0].local == ("127.0.0.5", server.port)


@pytest.mark.parametrize(
    ("scheme", "url"), [("http", "http://a.example/"), ("https", "https://shop.example/")]
)
async def test_the_dialled_port_may_differ_from_the_url(
    engine: Engine, serve, scheme: str, url: str
) -> None:
    server = serve(Answer(body=b"here"), scheme)
    endpoint = Endpoint("192.0.2.1", "127.0.0.1", server.port)
    response = await engine.fetch(Request(url, endpoint, HEADERS, 10.0, 1000))
    assert response.body == b"here"
    assert server.seen[0].host == url.split("/")[2]


async def test_sni_is_the_host_name(engine: Engine, serve, certificate) -> None:
    names: list[str | None] = []
    certificate.sni_callback = lambda _socket, name, _context: names.append(name)
    try:
        server = serve(Answer(), "https")
        await engine.fetch(ask(server, host="shop.example"))
    finally:
        certificate.sni_callback = None
    assert names == ["shop.example"]


async def test_a_connection_is_never_shared_between_addresses(
    engine: Engine, serve, scheme: str
) -> None:
    server = serve(
        lambda seen: Answer(body=seen.local[0].encode()),
        scheme,
        addresses=("127.0.0.5", "127.0.0.6"),
    )
    visits = [
        ("shop.example", "127.0.0.5"),
        ("other.example", "127.0.0.6"),
        ("shop.example", "127.0.0.6"),
        ("other.example", "127.0.0.5"),
        ("shop.example", "127.0.0.5"),
    ]
    for host, dial in visits:
        response = await engine.fetch(ask(server, host=host, dial=dial))
        assert response.body == dial.encode()
        assert server.seen[-1].host == f"{host}:{server.port}"


async def test_a_redirect_is_returned_not_followed(engine: Engine, serve) -> None:
    server = serve(Answer(302, headers=(("Location", "/next"),), body=b"moved"))
    response = await engine.fetch(ask(server))
    assert (response.status, response.body, response.header("location")) == (302, b"moved", "/next")
    assert len(server.seen) == 1


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "nonsense"])
async def test_content_coding_is_not_decoded(engine: Engine, serve, coding: str) -> None:
    body = gzip.compress(b"page " * 100)
    response = await engine.fetch(
        ask(serve(Answer(headers=(("Content-Encoding", coding),), body=body)))
    )
    assert response.body == body
    assert response.header("content-encoding") == coding


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"])
async def test_environment_proxies_are_not_used(
    make_engine, serve, scheme: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = serve(Answer(502)), serve(Answer(body=b"direct"), scheme)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, proxy.url())
    async with make_engine() as engine:
        response = await engine.fetch(ask(server, host="shop.example"))
    assert response.body == b"direct"
    assert proxy.connections == 0


async def test_netrc_is_not_read(make_engine, serve, tmp_path, monkeypatch) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(Answer())
    async with make_engine() as engine:
        await engine.fetch(ask(server))
    assert server.seen[0].header("authorization") == ""


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?",
        "/a/../b%7e",
        "/./a//b/",
        "//x",
        "/%2F%2e%2e/",
        "/?q=a%20b&c=%C3%A4",
        "/a;b=c?x=/../y",
        "/{a}|b'\"!",
    ],
)
async def test_the_path_is_sent_unchanged(
    engine: Engine, engine_name: str, serve, path: str
) -> None:
    server = serve(Answer())
    await engine.fetch(ask(server, path))
    if engine_name in CAPITAL_ESCAPES:
        path = re.sub("%..", lambda escape: escape[0].upper(), path)
    assert [seen.target for seen in server.seen] == [path]


async def test_an_ipv6_literal_can_be_the_host(engine: Engine) -> None:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nv6")
        writer.close()
        await writer.wait_closed()

    try:
        server = await asyncio.start_server(answer, "::1", 0)
    except OSError as error:
        pytest.skip(f"no IPv6 on this machine: {error}")
    async with server:
        port = server.sockets[0].getsockname()[1]
        request = Request(
            f"http://[::1]:{port}/", Endpoint("::1", "::1", port), HEADERS, 10.0, 1000
        )
        assert (await engine.fetch(request)).body == b"v6"
    assert f"Host: [::1]:{port}\r\n".encode() in heads[0]


@pytest.mark.promise("P19")
async def test_a_dropped_request_is_not_sent_again(engine: Engine, serve, scheme: str) -> None:
    server = serve(Answer(script=(CLOSE,)), scheme)
    with pytest.raises(FetchError) as caught:
        await engine.fetch(ask(server))
    assert caught.value.kind in (FailureKind.RESET, FailureKind.TRUNCATED)
    assert not caught.value.reused
    assert len(server.seen) == 1


@pytest.mark.promise("P19")
async def test_a_dead_kept_connection_is_reported_or_redialled(engine: Engine, serve) -> None:
    server = serve(once_a_connection(Answer(body=b"fresh"), CLOSE))
    await engine.fetch(ask(server))
    try:
        response = await engine.fetch(ask(server))
    except FetchError as error:
        assert error.reused
    else:
        assert response.body == b"fresh"
