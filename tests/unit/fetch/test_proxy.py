"""A proxy: its URL, its refusals, and which addresses can be judged through it."""

import pytest
from support.resolvers import Anywhere

from crawler.app.fetching import check_proxy
from crawler.engines.base import EngineOptions
from crawler.engines.registry import make_engine
from crawler.engines.shared.proxying import refusal
from crawler.fetch.addresses import AddressRules
from crawler.fetch.proxy import parse_proxy
from crawler.fetch.proxy_resolver import ProxyResolver
from crawler.model.errors import SkipError, UsageError
from crawler.model.exchange import Endpoint, Proxy

# proxies


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://p.example:3128", Proxy("http", "p.example", 3128)),
        ("HTTP://P.example/", Proxy("http", "p.example", 80)),
        ("https://p.example", Proxy("https", "p.example", 443)),
        ("socks5://p.example", Proxy("socks5", "p.example", 1080)),
        ("socks5h://p.example:80", Proxy("socks5", "p.example", 80)),
        ("http://[::1]:3128", Proxy("http", "::1", 3128)),
        ("http://me@p.example:1", Proxy("http", "p.example", 1, "me:")),
        ("http://me:a%40b:c@p.example:1", Proxy("http", "p.example", 1, "me:a@b:c")),
    ],
)
def test_proxy_urls_are_parsed(url: str, proxy: Proxy) -> None:
    assert parse_proxy(url) == proxy


@pytest.mark.promise("P04")
@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_refusal_names_the_proxy_without_login(status: int) -> None:
    error = refusal(Proxy("http", "::1", 3128, "me:hunter2"), status)
    assert "[::1]:3128" in error.message
    assert str(status) in error.message
    assert "hunter2" not in error.message


@pytest.mark.promise("P07")
async def test_through_a_proxy_only_literal_addresses_are_judged() -> None:
    rules = AddressRules()
    resolver = ProxyResolver(Proxy("http", "p.example", 3128), rules, Anywhere())
    for url in ("a.example", "8.8.8.8"):
        found = resolver.cached(url, 80) or await resolver.resolve(url, 80)
        assert (found.dial_host, found.dial_port) == ("192.0.2.1", 3128)
    for url in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "localhost"):
        assert resolver.cached(url, 80) is None
        with pytest.raises(SkipError):
            await resolver.resolve(url, 80)
    rules.name("127.0.0.1", 80)
    assert (await resolver.resolve("127.0.0.1", 80)).address == "127.0.0.1"


class Mocked(Anywhere):
    """A network where connections go elsewhere than to the addresses that names lead to."""

    def __init__(self) -> None:
        self.failed: list[tuple[str, int, Endpoint]] = []

    async def resolve(self, host: str, port: int) -> Endpoint:
        other = Endpoint("192.0.2.2", "127.0.0.1", 2)
        return Endpoint("192.0.2.1", "127.0.0.1", 1, others=(other,))

    def unreachable(self, host: str, port: int, endpoint: Endpoint) -> None:
        self.failed.append((host, port, endpoint))


@pytest.mark.promise("P80")
@pytest.mark.parametrize("host", ["a.example", "8.8.8.8", "2001:4860:4860::8888"])
async def test_an_address_of_the_proxy_is_remembered_as_its_own(host: str) -> None:
    network = Mocked()
    resolver = ProxyResolver(Proxy("http", "p.example", 3128), AddressRules(), network)
    found = await resolver.resolve(host, 80)
    for each in (found, *found.others):
        resolver.unreachable(host, 80, each)
    assert network.failed == [
        ("p.example", 3128, Endpoint("192.0.2.1", "127.0.0.1", 1)),
        ("p.example", 3128, Endpoint("192.0.2.2", "127.0.0.1", 2)),
    ]


@pytest.mark.parametrize(
    ("engine", "able"),
    [
        ("curl", {"http", "https", "socks5"}),
        ("tornado", {"http", "https", "socks5"}),
        ("aiohttp", {"http"}),
        ("threads", {"http"}),
        ("sequential", {"http"}),
        ("gevent", {"http"}),
    ],
)
def test_proxies_an_engine_cannot_use_are_refused(engine: str, able: set[str]) -> None:
    capabilities = make_engine(engine, EngineOptions(1)).capabilities
    for scheme in ("http", "https", "socks5"):
        proxy = Proxy(scheme, "p.example", 1, "me:hunter2")  # type: ignore[arg-type]
        if scheme in able:
            check_proxy(proxy, capabilities)
            continue
        with pytest.raises(
            UsageError, match=f"{engine} does not support {scheme} proxies"
        ) as caught:
            check_proxy(proxy, capabilities)
        assert "hunter2" not in str(caught.value)
