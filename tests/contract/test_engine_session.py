"""The engine contract: certificate verification, proxies, and no carry-over between requests.

The headers, login, proxy and verification of one request must not affect the next one, even on the
same handle or connection.
"""

import ssl

import pytest
import trustme
from support.engines import HEADERS, PROXIES, ask, outcome

from crawler.engines.base import Engine
from crawler.localweb.forward_proxy import ForwardProxy
from crawler.localweb.server import Answer, Server
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Endpoint, Proxy, Request

LOGIN = "me:pass:wörd"


def untrusted(*names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(*names).configure_cert(context)
    return context


def through(proxy: ForwardProxy, named: Proxy, server: Server, path: str = "/", **more) -> Request:
    """A request for a name that only the proxy can look up."""
    request = ask(server, path, host="shop.example", proxy=named, **more)
    fields = {name: getattr(request, name) for name in request.__struct_fields__}
    return Request(**fields | {"endpoint": proxy.endpoint})


async def test_capabilities_name_the_supported_proxies(engine: Engine) -> None:
    """conftest.py uses this table to deselect tests with other proxies."""
    assert engine.capabilities.proxies == PROXIES[engine.capabilities.name]


# verification


@pytest.mark.promise("P09")
async def test_verification_is_off_for_one_host_only(engine: Engine, serve) -> None:
    server = serve(Answer(body=b"x"), tls=untrusted("shop.example", "other.example"))
    trusting = ask(server, host="shop.example", verify=False)
    assert await outcome(engine, trusting) == (200, b"x")
    assert await outcome(engine, ask(server, host="other.example")) is FailureKind.TLS
    assert await outcome(engine, trusting) == (200, b"x")
    assert await outcome(engine, ask(server, host="shop.example")) is FailureKind.TLS


@pytest.mark.promise("P09")
async def test_verified_and_unverified_requests_share_no_connection(engine: Engine, serve) -> None:
    server = serve(Answer(body=b"x"), scheme="https")
    for verify in (True, False, True):
        request = ask(server, host="shop.example", verify=verify)
        assert await outcome(engine, request) == (200, b"x")
    assert server.connections >= 2
    assert {seen.connection for seen in server.seen[::2]}.isdisjoint({server.seen[1].connection})


@pytest.mark.promise("P09")
async def test_certificates_are_verified_by_default(engine: Engine, serve) -> None:
    server = serve(Answer(), tls=untrusted("shop.example"))
    assert Request("", Endpoint("", "", 1), (), 1.0, 1).verify
    assert await outcome(engine, ask(server, host="shop.example")) is FailureKind.TLS


# no carry-over between requests


@pytest.mark.promise("P04")
async def test_headers_do_not_carry_over(engine: Engine, serve, scheme: str) -> None:
    server = serve(Answer(body=b"x"), scheme)
    secret = (*HEADERS, ("Authorization", "Basic c2VjcmV0"), ("Cookie", "a=b"))
    for headers in (secret, HEADERS, (), secret, ()):
        request = ask(server, host="shop.example", headers=headers)
        assert await outcome(engine, request) == (200, b"x")
    received = [(seen.header("authorization"), seen.header("cookie")) for seen in server.seen]
    login = ("Basic c2VjcmV0", "a=b")
    assert received == [login, ("", ""), ("", ""), login, ("", "")]


@pytest.mark.proxy()
@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
async def test_requests_go_through_the_proxy(
    engine: Engine, serve, scheme: str, kind: str, certificate: ssl.SSLContext
) -> None:
    server = serve(Answer(headers=(("X-Is", "it"),), body=b"hello"), scheme)
    with ForwardProxy(tls=certificate if kind == "https" else None) as proxy:
        request = through(proxy, proxy.named(kind), server, "/a%7Eb/../c?x=%20&y")
        response = await engine.fetch(request)
    assert (response.status, response.body) == (200, b"hello")
    assert response.header("x-is") == "it"
    assert response.header("via") is None
    (seen,) = server.seen
    assert seen.target == "/a%7Eb/../c?x=%20&y"
    assert seen.host == f"shop.example:{server.port}"
    assert len(proxy.seen) == 1
    how = {"socks5": "SOCKS5"}.get(kind, "GET" if scheme == "http" else "CONNECT")
    place = f"shop.example:{server.port}"
    assert proxy.seen[0].how == how
    assert how != "GET" or not proxy.seen[0].header("proxy-connection")
    assert proxy.seen[0].target == (request.url if how == "GET" else place)


@pytest.mark.promise("P04")
@pytest.mark.proxy()
@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_only_the_proxy_receives_its_login(
    engine: Engine, serve, scheme: str, kind: str
) -> None:
    server = serve(Answer(body=b"x"), scheme)
    own = (*HEADERS, ("Authorization", "Basic b3du"), ("Cookie", "a=b"))
    with ForwardProxy(login=LOGIN) as proxy:
        request = through(proxy, proxy.named(kind, LOGIN), server, headers=own)
        for _ in range(2):
            assert await outcome(engine, request) == (200, b"x")
    assert {each.login for each in proxy.seen} == {LOGIN}
    for seen in server.seen:
        names = {name.lower() for name, _ in seen.headers}
        assert not {name for name in names if name.startswith("proxy")}
        assert seen.header("authorization") == "Basic b3du"
    if scheme == "https":
        for each in proxy.seen:
            assert not each.header("authorization")
            assert not each.header("cookie")


@pytest.mark.promise("P04")
@pytest.mark.proxy("http")
async def test_proxy_settings_do_not_carry_over(engine: Engine, serve, scheme: str) -> None:
    server = serve(Answer(body=b"x"), scheme)
    with ForwardProxy(login=LOGIN) as first, ForwardProxy() as second:
        with_login = through(first, first.named("http", LOGIN), server)
        without = through(second, second.named("http"), server)
        for request in (with_login, without, ask(server, host="shop.example"), without, with_login):
            assert await outcome(engine, request) == (200, b"x")
    assert [each.login for each in second.seen] == [""] * len(second.seen)
    assert {each.login for each in first.seen} == {LOGIN}
    vias = [bool(seen.header("via")) for seen in server.seen]
    if scheme == "http":
        assert vias == [True, True, False, True, True]
        assert (len(first.seen), len(second.seen)) == (2, 2)
    assert all("proxy" not in name.lower() for seen in server.seen for name, _ in seen.headers)


@pytest.mark.promise("P04")
@pytest.mark.proxy("http")
async def test_a_direct_request_uses_no_tunnel(engine: Engine, serve) -> None:
    server = serve(Answer(body=b"x"), scheme="https")
    with ForwardProxy() as proxy:
        request = through(proxy, proxy.named(), server)
        assert await outcome(engine, request) == (200, b"x")
        assert await outcome(engine, ask(server, host="shop.example")) == (200, b"x")
    tunnelled, direct = server.seen
    assert tunnelled.connection != direct.connection
    assert len(proxy.seen) == 1


@pytest.mark.promise("P09")
@pytest.mark.proxy("http")
async def test_the_host_is_verified_through_a_tunnel(engine: Engine, serve) -> None:
    server = serve(Answer(body=b"x"), tls=untrusted("shop.example"))
    with ForwardProxy() as proxy:
        named = proxy.named()
        assert await outcome(engine, through(proxy, named, server)) is FailureKind.TLS
        open_ = through(proxy, named, server, verify=False)
        assert await outcome(engine, open_) == (200, b"x")
        assert await outcome(engine, through(proxy, named, server)) is FailureKind.TLS


@pytest.mark.promise("P10")
@pytest.mark.proxy("https")
async def test_an_https_proxy_is_verified_by_name(engine: Engine, serve) -> None:
    server = serve(Answer(body=b"x"))
    with ForwardProxy(tls=untrusted("proxy.example")) as proxy:
        named = Proxy("https", "proxy.example", proxy.port, LOGIN)
        assert await outcome(engine, through(proxy, named, server)) is FailureKind.TLS
        # A request that does not verify its host still verifies the proxy.
        assert await outcome(engine, through(proxy, named, server, verify=False)) is FailureKind.TLS
        assert not proxy.seen
        unverified = Proxy("https", "proxy.example", proxy.port, LOGIN, verify=False)
        assert await outcome(engine, through(proxy, unverified, server)) == (200, b"x")
        assert await outcome(engine, through(proxy, named, server)) is FailureKind.TLS


@pytest.mark.proxy("https")
async def test_a_trusted_https_proxy_is_used(
    engine: Engine, serve, certificate: ssl.SSLContext
) -> None:
    server = serve(Answer(body=b"x"))
    with ForwardProxy(tls=certificate) as proxy:
        named = Proxy("https", "other.example", proxy.port)
        assert await outcome(engine, through(proxy, named, server)) == (200, b"x")


@pytest.mark.promise("P04")
@pytest.mark.proxy("http")
@pytest.mark.parametrize(
    ("status", "kind"), [(407, FailureKind.STATUS), (403, FailureKind.CONNECT)]
)
async def test_a_refused_tunnel_does_not_show_the_login(
    engine: Engine, serve, status: int, kind: FailureKind
) -> None:
    server = serve(Answer(), scheme="https")
    with ForwardProxy(refuse=status) as proxy:
        request = through(proxy, proxy.named("http", LOGIN), server)
        with pytest.raises(FetchError) as caught:
            await engine.fetch(request)
    assert caught.value.kind is kind
    for part in (proxy.named().place, str(status)):
        assert part in caught.value.message
    assert "wörd" not in caught.value.message
    assert not server.seen


@pytest.mark.proxy("http")
async def test_a_407_without_a_tunnel_is_a_response(engine: Engine, serve) -> None:
    server = serve(Answer())
    with ForwardProxy(login=LOGIN) as proxy:
        request = through(proxy, proxy.named("http", "me:wrong"), server)
        assert await outcome(engine, request) == (407, b"")
    assert not server.seen


@pytest.mark.promise("P04")
@pytest.mark.proxy("socks5")
async def test_a_refused_socks_login_is_not_shown(engine: Engine, serve, scheme: str) -> None:
    server = serve(Answer(), scheme)
    with ForwardProxy(login=LOGIN) as proxy:
        request = through(proxy, proxy.named("socks5", "me:wrong"), server)
        with pytest.raises(FetchError) as caught:
            await engine.fetch(request)
    assert caught.value.kind is FailureKind.CONNECT
    assert "wrong" not in caught.value.message
    assert not server.seen


@pytest.mark.promise("P04")
@pytest.mark.proxy()
@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
async def test_an_unreachable_proxy_is_a_connect_failure(
    engine: Engine, serve, scheme: str, kind: str
) -> None:
    with ForwardProxy() as proxy:
        pass
    server = serve(Answer(), scheme)
    request = through(proxy, proxy.named(kind, LOGIN), server)
    with pytest.raises(FetchError) as caught:
        await engine.fetch(request)
    assert caught.value.kind is FailureKind.CONNECT
    assert "wörd" not in caught.value.message
    assert not server.seen
