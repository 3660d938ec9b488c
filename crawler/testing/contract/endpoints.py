"""Where an engine connects: to the endpoint, under the name of the URL, whatever was before."""

import pytest

from crawler.engines.base import Engine
from crawler.localweb.connection import Answer
from crawler.model.exchange import Endpoint, Request
from crawler.testing.contract.base import EngineTests, with_engine
from crawler.testing.contract.helpers import HEADERS, SCHEMES, ask

_DIALS = "an engine connects to request.endpoint, whatever the host is"
_NAMES = "Host is that of request.url, wherever the connection leads"


class EndpointTests(EngineTests):
    """Where an engine connects."""

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_the_endpoint_is_dialled_and_the_host_named(
        self, engine: Engine, scheme: str
    ) -> None:
        server = self.serve(Answer(body=b"sold"), scheme, addresses=("127.0.0.5",))
        response = await self.page(engine, ask(server, host="shop.example", dial="127.0.0.5"))
        assert response.body == b"sold", _DIALS
        assert server.seen[0].local == ("127.0.0.5", server.port), _DIALS
        assert server.seen[0].host == f"shop.example:{server.port}", _NAMES

    @pytest.mark.parametrize("url", ["http://shop.example/", "https://shop.example/"])
    @with_engine
    async def test_the_dialled_port_may_differ_from_the_url(self, engine: Engine, url: str) -> None:
        server = self.serve(Answer(body=b"here"), url.partition(":")[0])
        endpoint = Endpoint("192.0.2.1", "127.0.0.1", server.port)
        response = await self.page(engine, Request(url, endpoint, HEADERS, 10.0, 1000))
        assert response.body == b"here", _DIALS
        assert server.seen[0].host == "shop.example", _NAMES

    @pytest.mark.parametrize("verify", [True, False])
    @with_engine
    async def test_sni_is_the_host_name(self, engine: Engine, verify: bool) -> None:
        certificates = self.certificates.context("shop.example") if verify else self.untrusted()
        names: list[str | None] = []
        certificates.sni_callback = lambda _socket, name, _context: names.append(name)
        server = self.serve(Answer(), tls=certificates)
        await self.page(engine, ask(server, host="shop.example", verify=verify))
        assert names == ["shop.example"], "SNI is the host of request.url, verified or not"

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_no_connection_is_shared_between_addresses(
        self, engine: Engine, scheme: str
    ) -> None:
        server = self.serve(
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
            response = await self.page(engine, ask(server, host=host, dial=dial))
            assert response.body == dial.encode(), f"{_DIALS}, and whatever is kept"
            assert server.seen[-1].host == f"{host}:{server.port}", _NAMES

    @with_engine
    async def test_an_ipv6_address_can_be_the_host(self, engine: Engine) -> None:
        server = self.serve(Answer(body=b"v6"), addresses=("::1",))
        response = await self.page(engine, ask(server, dial="::1"))
        assert response.body == b"v6", _DIALS
        assert server.seen[0].host == f"[::1]:{server.port}", "Host has an IPv6 address in brackets"
