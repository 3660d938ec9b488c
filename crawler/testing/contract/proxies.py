"""Requests through a proxy: http, https and SOCKS 5, as far as the capabilities name them."""

from typing import Literal

import pytest
from msgspec.structs import replace

from crawler.engines.base import Engine
from crawler.localweb.connection import Answer
from crawler.localweb.forward_proxy import ForwardProxy
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Proxy, Request
from crawler.testing.contract.base import EngineTests, with_engine
from crawler.testing.contract.helpers import HEADERS, SCHEMES, TRUSTING, ask, must_fail, result

_Scheme = Literal["http", "https", "socks5"]
_LOGIN = "me:pass:wörd"
_HOST = "shop.example"
"""A name that only the proxy can look up."""
_ONLY_PROXY = "the login of a proxy goes to that proxy only"
_every_kind = pytest.mark.parametrize("kind", ["http", "https", "socks5"])


class ProxyTests(EngineTests):
    """Proxies."""

    def need_proxy(self, kind: str) -> None:
        if kind not in self.capabilities.proxies:
            pytest.skip(f"its capabilities do not name a proxy of kind {kind}")

    @_every_kind
    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_requests_go_through_the_proxy(
        self, engine: Engine, scheme: str, kind: _Scheme
    ) -> None:
        self.need_proxy(kind)
        server = self.serve(Answer(headers=(("X-Is", "it"),), body=b"hello"), scheme)
        request = ask(server, "/a%7Eb/../c?x=%20&y", host=_HOST)
        tls = self.certificates.context("127.0.0.1") if kind == "https" else None
        with ForwardProxy(tls=tls) as proxy:
            response = await self.page(engine, through(proxy, proxy.named(kind), request))
        clause = "a response through a proxy is that of the server"
        assert (response.status, response.body) == (200, b"hello"), clause
        assert response.header("x-is") == "it", clause
        assert response.header("via") is None, "the proxy's response to CONNECT is not a header"
        (seen,) = server.seen
        place = f"{_HOST}:{server.port}"
        assert seen.target == "/a%7Eb/../c?x=%20&y", "the path is sent as in request.url"
        assert seen.host == place, "Host is that of request.url"
        how = {"socks5": "SOCKS5"}.get(kind, "GET" if scheme == "http" else "CONNECT")
        clause = "a proxy gets absolute URLs for http, CONNECT for https, names in SOCKS 5"
        sent = [(each.how, each.target) for each in proxy.seen]
        assert sent == [(how, request.url if how == "GET" else place)], clause
        if how == "GET":
            extra = proxy.seen[0].header("proxy-connection")
            assert not extra, "exactly request.headers are sent, plus Host and Connection"

    @_every_kind
    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_methods_and_bodies_go_through_the_proxy(
        self, engine: Engine, scheme: str, kind: _Scheme
    ) -> None:
        self.need_proxy(kind)
        server = self.serve(Answer(body=b"hello"), scheme)
        plain = ask(server, host=_HOST)
        asked = [("POST", b"\0form\r\n"), ("GET", None), ("HEAD", None), ("DELETE", None)]
        tls = self.certificates.context("127.0.0.1") if kind == "https" else None
        with ForwardProxy(tls=tls) as proxy:
            for method, body in asked:
                request = replace(plain, method=method, body=body)
                response = await self.page(engine, through(proxy, proxy.named(kind), request))
                expected = b"" if method == "HEAD" else b"hello"
                assert response.body == expected, "a HEAD, and nothing else, gets no body"
        sent = [(seen.method, seen.body or None) for seen in server.seen]
        assert sent == asked, "method and body are sent as in the request, also through a proxy"

    @pytest.mark.parametrize("kind", ["http", "socks5"])
    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_only_the_proxy_receives_its_login(
        self, engine: Engine, scheme: str, kind: _Scheme
    ) -> None:
        self.need_proxy(kind)
        server = self.serve(Answer(body=b"x"), scheme)
        own = (*HEADERS, ("Authorization", "Basic b3du"), ("Cookie", "a=b"))
        request = ask(server, host=_HOST, headers=own)
        with ForwardProxy(login=_LOGIN) as proxy:
            for _ in range(2):
                await self.page(engine, through(proxy, proxy.named(kind, _LOGIN), request))
        assert {each.login for each in proxy.seen} == {_LOGIN}, "a proxy receives its login"
        for seen in server.seen:
            extra = [name for name, _ in seen.headers if name.lower().startswith("proxy")]
            assert not extra, _ONLY_PROXY
            assert seen.header("authorization") == "Basic b3du", "the server receives its own login"
        if scheme == "https":
            private = [each.header("authorization") + each.header("cookie") for each in proxy.seen]
            assert not any(private), "a tunnel carries only the request: the proxy does not see it"

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_proxies_do_not_carry_over(self, engine: Engine, scheme: str) -> None:
        self.need_proxy("http")
        server = self.serve(Answer(body=b"x"), scheme)
        direct = ask(server, host=_HOST)
        with ForwardProxy(login=_LOGIN) as first, ForwardProxy() as second:
            with_login = through(first, first.named("http", _LOGIN), direct)
            without = through(second, second.named("http"), direct)
            for request in (with_login, without, direct, without, with_login):
                await self.page(engine, request)
        assert {each.login for each in second.seen} == {""}, _ONLY_PROXY
        assert {each.login for each in first.seen} == {_LOGIN}, "a proxy receives its login"
        names = [name.lower() for seen in server.seen for name, _ in seen.headers]
        assert not [name for name in names if "proxy" in name], _ONLY_PROXY
        if scheme == "http":
            vias = [bool(seen.header("via")) for seen in server.seen]
            clause = "the proxy of one request does not carry over to the next"
            assert vias == [True, True, False, True, True], clause
            assert (len(first.seen), len(second.seen)) == (2, 2), clause

    @with_engine
    async def test_a_direct_request_uses_no_tunnel(self, engine: Engine) -> None:
        self.need_proxy("http")
        server = self.serve(Answer(body=b"x"), "https")
        direct = ask(server, host=_HOST)
        with ForwardProxy() as proxy:
            await self.page(engine, through(proxy, proxy.named(), direct))
            await self.page(engine, direct)
        tunnelled, straight = server.seen
        clause = "a request without a proxy uses no connection that leads through one"
        assert tunnelled.connection != straight.connection, clause
        assert len(proxy.seen) == 1, clause

    @with_engine
    async def test_the_host_is_verified_through_a_tunnel(self, engine: Engine) -> None:
        self.need_proxy("http")
        server = self.serve(Answer(body=b"x"), tls=self.untrusted())
        with ForwardProxy() as proxy:
            strict = through(proxy, proxy.named(), ask(server, host=_HOST))
            trusting = replace(strict, verify=False)
            what = "a bad certificate at the end of a tunnel"
            must_fail(await self.outcome(engine, strict), what, FailureKind.TLS)
            assert await self.outcome(engine, trusting) == (200, b"x"), TRUSTING
            must_fail(await self.outcome(engine, strict), what, FailureKind.TLS)

    @with_engine
    async def test_an_https_proxy_is_verified_by_name(self, engine: Engine) -> None:
        self.need_proxy("https")
        request = ask(self.serve(Answer(body=b"x")), host=_HOST)
        with ForwardProxy(tls=self.untrusted()) as proxy:
            named = Proxy("https", "proxy.example", proxy.port, _LOGIN)
            strict = through(proxy, named, request)
            what = "a bad certificate of a proxy"
            must_fail(await self.outcome(engine, strict), what, FailureKind.TLS)
            # A request that does not verify its host still verifies the proxy.
            unverified = await self.outcome(engine, replace(strict, verify=False))
            must_fail(unverified, what, FailureKind.TLS)
            assert not proxy.seen, "nothing is sent to a proxy that cannot be trusted"
            trusting = through(proxy, replace(named, verify=False), request)
            assert await self.outcome(engine, trusting) == (200, b"x"), TRUSTING
            must_fail(await self.outcome(engine, strict), what, FailureKind.TLS)

    @with_engine
    async def test_a_trusted_https_proxy_is_used(self, engine: Engine) -> None:
        self.need_proxy("https")
        request = ask(self.serve(Answer(body=b"x")), host=_HOST)
        with ForwardProxy(tls=self.certificates.context("proxy.example")) as proxy:
            named = Proxy("https", "proxy.example", proxy.port)
            ended = await self.outcome(engine, through(proxy, named, request))
        assert ended == (200, b"x"), "a proxy with a good certificate for its name is used"

    @pytest.mark.parametrize("status", [407, 403])
    @with_engine
    async def test_a_refused_tunnel_does_not_show_the_login(
        self, engine: Engine, status: int
    ) -> None:
        self.need_proxy("http")
        server = self.serve(Answer(), "https")
        with ForwardProxy(refuse=status) as proxy:
            named = proxy.named("http", _LOGIN)
            ended = await self._refused(engine, through(proxy, named, ask(server, host=_HOST)))
        for part in (named.place, str(status)):
            assert part in ended.message, f"the error says who refused the tunnel, and how: {part}"
        kind = FailureKind.STATUS if status == 407 else FailureKind.CONNECT
        must_fail(ended.kind, f"a tunnel that is refused with {status}", kind)
        assert not server.seen, "a request with a proxy never goes to the server directly"

    @with_engine
    async def test_a_407_without_a_tunnel_is_a_response(self, engine: Engine) -> None:
        self.need_proxy("http")
        server = self.serve(Answer())
        with ForwardProxy(login=_LOGIN) as proxy:
            request = through(proxy, proxy.named("http", "me:wrong"), ask(server, host=_HOST))
            ended = await self.outcome(engine, request)
        assert ended == (407, b""), "every status is a response"
        assert not server.seen, "a request with a proxy never goes to the server directly"

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_a_refused_socks_login_is_not_shown(self, engine: Engine, scheme: str) -> None:
        self.need_proxy("socks5")
        server = self.serve(Answer(), scheme)
        with ForwardProxy(login=_LOGIN) as proxy:
            named = proxy.named("socks5", "me:wrong")
            ended = await self._refused(engine, through(proxy, named, ask(server, host=_HOST)))
        must_fail(ended.kind, "a SOCKS login that is refused", FailureKind.CONNECT)
        assert not server.seen, "a request with a proxy never goes to the server directly"

    @_every_kind
    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_an_unreachable_proxy_is_a_failure(
        self, engine: Engine, scheme: str, kind: _Scheme
    ) -> None:
        self.need_proxy(kind)
        with ForwardProxy() as proxy:
            pass
        server = self.serve(Answer(), scheme)
        request = through(proxy, proxy.named(kind, _LOGIN), ask(server, host=_HOST))
        ended = await self._refused(engine, request)
        must_fail(ended.kind, "an unreachable proxy", FailureKind.CONNECT)
        assert not server.seen, "a request with a proxy never goes to the server directly"

    async def _refused(self, engine: Engine, request: Request) -> FetchError:
        ended = await result(engine, request, self.grace)
        assert isinstance(ended, FetchError), "a proxy that does not serve is a failure"
        for secret in ("wörd", "wrong"):
            assert secret not in ended.message, "an error does not show the login of a proxy"
        return ended


def through(proxy: ForwardProxy, named: Proxy, request: Request) -> Request:
    """``request`` through the ``proxy``; its host may be a name that only the proxy can look up."""
    return replace(request, proxy=named, endpoint=proxy.endpoint)
