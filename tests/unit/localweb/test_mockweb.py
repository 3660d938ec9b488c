"""The mocked web: what was said of it is what a crawl finds, and what was asked can be told."""

import asyncio
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.mocked import crawl

from crawler.engines.names import ENGINES
from crawler.fetch.addresses import AddressRules
from crawler.fetch.network import Network, Resolver
from crawler.localweb.faults import SLOW_SECONDS
from crawler.localweb.listener import Listener
from crawler.model.errors import FailureKind, FetchError, UsageError
from crawler.model.exchange import Endpoint
from crawler.model.urls import UrlError
from crawler.testing import (
    Answer,
    Fault,
    MockWeb,
    Seen,
    SyntheticHandler,
    SyntheticWeb,
)

HTTP = "http://shop.example/"
HTTPS = "https://shop.example/"


@pytest.fixture
def web() -> Iterator[MockWeb]:
    with MockWeb() as web:
        yield web


def endpoint(web: MockWeb, host: str, port: int = 80) -> Endpoint:
    """Where ``host`` is dialled, whatever its address."""

    async def resolve() -> Endpoint:
        resolver = web.resolver(AddressRules([host]))
        try:
            return await resolver.resolve(host, port)
        finally:
            await resolver.close()

    return asyncio.run(resolve())


def get(web: MockWeb, host: str, path: str = "/", *, said: str | None = None) -> int:
    """Ask for ``path`` at the place of ``host``, with a Host header that may say another."""
    address = endpoint(web, host)
    connection = http.client.HTTPConnection(address.dial_host, address.dial_port)
    try:
        connection.request("GET", path, headers={"Host": said or host})
        return connection.getresponse().status
    finally:
        connection.close()


# --- pages, with every engine


@pytest.mark.parametrize("engine", ENGINES)
def test_every_host_and_port_works_with_tls(web: MockWeb, engine: str, tmp_path: Path) -> None:
    urls = [
        HTTP,
        HTTPS,
        "http://shop.example:8080/",
        "https://shop.example:8443/",
        "https://other.example/a?b=c",
        "http://10.1.2.3:81/",
        "https://10.1.2.3/",
        "https://[fd00::1]/",
        "http://localhost/",
        "https://xn--bcher-kva.example/",
    ]
    for url in urls:
        web.page(url, f"<title>{url}</title>")
    crawled = crawl(tmp_path / "run", urls, engine=engine)
    assert {url: page["title"] for url, page in crawled.pages.items()} == {url: url for url in urls}
    assert sorted(seen.url for seen in web.seen) == sorted(urls)
    assert {seen.local[0] for seen in web.requests(HTTP)} < {seen.local[0] for seen in web.seen}


def test_a_page_is_served_as_given(web: MockWeb, tmp_path: Path) -> None:
    web.page(f"{HTTP}text", "<title>Müsli</title>")
    web.page(f"{HTTP}bytes", b"<title>M\xfcsli</title>", headers=(("content-type", "text/html"),))
    web.page(f"{HTTP}late", "", latency=0.2, headers=(("X-One", "1"),))
    web.page(f"{HTTP}gone", "", status=410)
    crawled = crawl(tmp_path / "run", [f"{HTTP}{path}" for path in ("text", "late", "gone")])
    assert crawled.pages[f"{HTTP}text"]["title"] == "Müsli"
    assert crawled.pages[f"{HTTP}text"]["content_type"] == "text/html; charset=utf-8"
    assert crawled.pages[f"{HTTP}late"]["elapsed_ms"] >= 200
    assert crawled.failures[f"{HTTP}gone"]["status"] == 410
    latin = crawl(tmp_path / "latin", [f"{HTTP}bytes"]).pages[f"{HTTP}bytes"]
    assert latin["content_type"] == "text/html"
    assert latin["bytes"] == 20


def test_an_unknown_page_is_a_404(web: MockWeb, tmp_path: Path) -> None:
    web.page(HTTPS, "")
    web.host("empty.example")
    urls = [f"{HTTPS}other", HTTP, f"{HTTPS}?q", "http://empty.example/"]
    crawled = crawl(tmp_path / "run", urls)
    assert {failure["status"] for failure in crawled.failures.values()} == {404}
    assert len(crawled.failures) == 4


def test_answers_come_in_turn_and_the_last_repeats(web: MockWeb) -> None:
    web.answer(
        HTTP,
        Answer(503),
        lambda seen: Answer(int(seen.header("x-status"))),
        Answer(204),
    )
    address = endpoint(web, "shop.example")
    connection = http.client.HTTPConnection(address.dial_host, address.dial_port)
    statuses = []
    for _ in range(5):
        connection.request("GET", "/", headers={"Host": "shop.example", "X-Status": "418"})
        with connection.getresponse() as response:
            statuses.append(response.status)
            response.read()
    connection.close()
    assert statuses == [503, 418, 204, 204, 204]


def test_the_last_definition_counts(web: MockWeb) -> None:
    web.page(HTTP, "")
    web.fault(HTTP, Fault.NOT_FOUND)
    assert get(web, "shop.example") == 404
    web.page(HTTP, "")
    assert get(web, "shop.example") == 200


def test_with_a_handler_every_host_exists(tmp_path: Path) -> None:
    def handler(seen: Seen) -> Answer:
        return Answer(body=f"<title>{seen.url}</title>".encode())

    with MockWeb(handler) as web:
        web.page(HTTP, "<title>its own</title>")
        urls = ["https://anybody.example/x", "http://10.9.8.7/", "http://localhost:8000/", HTTP]
        pages = crawl(tmp_path / "run", urls).pages
    assert [pages[url]["title"] for url in urls] == [*urls[:3], "its own"]


def test_a_synthetic_web_can_be_the_handler(tmp_path: Path) -> None:
    made_up = SyntheticWeb(hosts=3, pages=60, latency=0.001)
    with MockWeb(SyntheticHandler(made_up)):
        urls = made_up.urls(80)
        crawled = crawl(tmp_path / "run", urls)
    assert crawled.report.urls.done == len(urls) == 60


def test_handler_errors_are_raised_on_leaving(tmp_path: Path) -> None:
    def handler(_: Seen) -> Answer:
        raise LookupError("of the handler")

    with pytest.raises(LookupError, match="of the handler"), MockWeb(handler):
        assert crawl(tmp_path / "run", [HTTP]).report.urls.failed == 1


@pytest.mark.parametrize("wrong", ["shop.example/", "ftp://shop.example/", ""])
def test_only_urls_have_pages(wrong: str) -> None:
    with pytest.raises(UrlError):
        MockWeb().page(wrong, "")


def test_a_url_without_answers_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one answer is needed"):
        MockWeb().answer(HTTP)


# --- what was asked


def test_requests_are_found_by_any_spelling(web: MockWeb, tmp_path: Path) -> None:
    web.page("HTTP://SHOP.example:80/a/../b c", "")
    crawl(tmp_path / "run", [f"{HTTP}b%20c", HTTPS])
    [seen] = web.requests("http://Shop.Example/./b c#part")
    assert (seen.target, seen.host, seen.tls) == ("/b%20c", "shop.example", False)
    assert [seen.tls for seen in web.requests(HTTPS)] == [True]
    assert web.requests(f"{HTTP}never") == []


def test_requests_are_logged_in_order(web: MockWeb, tmp_path: Path) -> None:
    web.page(HTTP, "")
    crawl(tmp_path / "run", [HTTP], robots=True)
    assert [seen.target for seen in web.seen] == ["/robots.txt", "/"]
    assert web.seen[0].at < web.seen[1].at


# --- hosts and addresses


def test_each_host_has_a_stable_loopback_address() -> None:
    names = [f"host{n}.example" for n in range(50)]
    places = []
    for order in (names, names[::-1]):
        with MockWeb() as web:
            for name in order:
                web.host(name)
            places.append({name: endpoint(web, name).dial_host for name in names})
    assert places[0] == places[1]
    assert len(set(places[0].values())) == 50
    assert all(place.startswith("127.") for place in places[0].values())
    assert "127.0.0.1" not in places[0].values()


def test_hosts_can_share_an_address(web: MockWeb, tmp_path: Path) -> None:
    urls = [HTTPS, "https://b.example/", "http://b.example/"]
    for url in urls:
        web.page(url, "")
    web.host("shop.example", dial="127.1.2.3")
    web.host("b.example", dial="127.1.2.3")
    assert crawl(tmp_path / "run", urls).report.urls.done == 3
    assert {seen.local[0] for seen in web.seen} == {"127.1.2.3"}


@pytest.mark.parametrize("address", ["8.8.8.8", "10.0.0.1", "::1", "shop.example"])
def test_only_loopback_addresses_can_be_dialled(address: str) -> None:
    with pytest.raises(UsageError):
        MockWeb().host("shop.example", dial=address)


def test_a_wrong_address_is_refused() -> None:
    with pytest.raises(UsageError, match="is not an IP address"):
        MockWeb().host("shop.example", address="somewhere")


@pytest.mark.promise("P07")
def test_the_pretended_address_is_judged_not_dialled(web: MockWeb, tmp_path: Path) -> None:
    inside = "http://inside.example/"
    web.page(inside, "")
    web.host("inside.example", address="169.254.169.254")
    web.answer(HTTP, Answer(302, (("Location", inside),)))
    web.answer(f"{HTTP}literal", Answer(302, (("Location", "http://10.0.0.1/"),)))
    urls = [HTTP, f"{HTTP}literal", inside]
    crawled = crawl(tmp_path / "run", urls)
    assert crawled.ends() == dict.fromkeys(urls, "blocked")
    assert "169.254.169.254" in crawled.skips[inside]["message"]
    assert web.requests(inside) == []
    allowed = crawl(tmp_path / "allowed", [inside], allow_private=("169.254.0.0/16",))
    assert allowed.report.urls.done == 1
    [seen] = web.requests(inside)
    assert seen.local[0] == endpoint(web, "inside.example").dial_host


def test_a_request_at_the_wrong_address_is_refused(web: MockWeb) -> None:
    web.page(HTTP, "")
    web.page("http://other.example/", "")
    assert get(web, "other.example") == 200
    assert get(web, "other.example", said="shop.example") == 421
    assert get(web, "other.example", said="nobody.example") == 421
    assert get(web, "other.example", said="a b") == 400


# --- looking up names


@pytest.mark.promise("P21")
async def test_a_slow_lookup_delays_no_other_host(web: MockWeb) -> None:
    web.host("slow.example")
    web.host("quick.example")
    web.fault("slow.example", Fault.SLOW_DNS)
    resolver: Resolver = web.resolver(AddressRules())
    ended: list[str] = []

    async def resolve(host: str) -> Endpoint:
        found = await resolver.resolve(host, 80)
        ended.append(host)
        return found

    slow, again, _ = await asyncio.gather(*map(resolve, ("slow.example",) * 2 + ("quick.example",)))
    assert ended[0] == "quick.example"
    assert slow.lookup_s >= SLOW_SECONDS
    assert again.dial_host == slow.dial_host
    assert web.lookups == ["slow.example", "quick.example"]
    assert resolver.cached("slow.example", 80) == Endpoint(
        slow.address, slow.dial_host, slow.dial_port
    )
    await resolver.close()


async def test_cached_lookups_are_mocked_too(web: MockWeb) -> None:
    web.host("shop.example")
    rules = AddressRules(["127.0.0.0/8"])
    resolver = web.resolver(rules)
    found = await resolver.resolve("shop.example", 80)
    assert found.dial_host.startswith("127.")
    assert found.address != found.dial_host
    again = resolver.cached("shop.example", 80)
    assert again == Endpoint(found.address, found.dial_host, found.dial_port)
    with pytest.raises(FetchError) as caught:
        await resolver.resolve("127.0.0.1", 80)
    assert caught.value.kind is FailureKind.CONNECT
    assert resolver.cached("127.0.0.1", 80) is None
    await resolver.close()


def test_literal_addresses_are_not_looked_up(web: MockWeb, tmp_path: Path) -> None:
    urls = [HTTP, f"{HTTP}second", "http://10.1.2.3/"]
    for url in urls:
        web.page(url, "")
    crawl(tmp_path / "run", urls)
    assert web.lookups == ["shop.example"]


# --- the listener


def test_the_mock_listens_on_loopback_only() -> None:
    [listening] = Listener(lambda _: Answer(), lambda _: pytest.fail("no TLS here"))._bind()
    with listening:
        assert listening.getsockname()[0] == "0.0.0.0"
        assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16) == b"lo\0"


def test_without_device_binding_hosts_share_an_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr(socket, "SO_BINDTODEVICE")
    urls = [HTTP, HTTPS, "https://other.example/"]
    with MockWeb() as web:
        for url in urls:
            web.page(url, "")
        assert crawl(tmp_path / "run", urls).report.urls.done == 3
        assert {seen.local[0] for seen in web.seen} == {"127.0.0.1"}


def test_only_its_own_authority_trusts_its_certificates(web: MockWeb) -> None:
    web.page(HTTPS, "")
    address = endpoint(web, "shop.example", 443)

    def shake(trust: str | None, name: str) -> str:
        context = ssl.create_default_context(cafile=trust)
        raw = socket.create_connection((address.dial_host, address.dial_port))
        try:
            with context.wrap_socket(raw, server_hostname=name):
                return "trusted"
        except ssl.SSLCertVerificationError:
            return "refused"

    with MockWeb() as other:
        assert shake(web.ca_file, "shop.example") == "trusted"
        assert shake(other.ca_file, "shop.example") == "refused"
        assert shake(None, "shop.example") == "refused"


def test_silent_clients_are_closed_at_the_end() -> None:
    with MockWeb() as web:
        web.page(HTTP, "")
        address = endpoint(web, "shop.example")
        client = socket.create_connection((address.dial_host, address.dial_port), timeout=20)
        assert get(web, "shop.example") == 200  # so the one before was taken
    with client:
        assert client.recv(1) == b""


def test_a_closed_mock_web_leaves_nothing() -> None:
    before = set(threading.enumerate())
    with MockWeb() as web:
        web.page(HTTP, "")
        address, ca_file = endpoint(web, "shop.example"), Path(web.ca_file)
        assert ca_file.exists()
    assert not ca_file.exists()
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.dial_host, address.dial_port))


def test_a_mock_web_is_a_network(web: MockWeb) -> None:
    network: Network = web
    assert network.is_mocked
