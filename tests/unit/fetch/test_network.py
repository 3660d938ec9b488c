"""Which addresses may be reached, and that a name is looked up once."""

import asyncio

import pytest
from support.names import NamesServer

from crawler.fetch.addresses import AddressRules
from crawler.fetch.dns import SystemResolver
from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason, UsageError


def blocked(rules: AddressRules, host: str, address: str, port: int = 80) -> bool:
    try:
        rules.check(host, port, address)
    except SkipError as error:
        assert error.reason is SkipReason.BLOCKED
        assert "--allow-private" in error.message
        return True
    return False


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert not blocked(AddressRules(), "a.example", address)


@pytest.mark.promise("P07")
@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "172.16.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "100.64.0.1",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "2002:7f00:1::1",
        "64:ff9b::a9fe:a9fe",
        "fec0::1",
    ],
)
def test_addresses_that_are_not_public_are_blocked(address: str) -> None:
    assert blocked(AddressRules(), "a.example", address)


@pytest.mark.promise("P76")
def test_a_loopback_host_is_named_with_any_port() -> None:
    rules = AddressRules()
    for host, port in (("::1", 80), ("localhost", 8000), ("10.0.0.1", 80), ("a.example", 80)):
        rules.name(host, port)
    assert rules.is_named_loopback("[::1]")
    assert rules.is_named_loopback("localhost")
    assert not any(map(rules.is_named_loopback, ("10.0.0.1", "a.example", "127.0.0.1")))


@pytest.mark.promise("P07")
def test_the_input_opens_only_the_ports_it_names() -> None:
    rules = AddressRules()
    rules.name("127.0.0.1", 8000)
    rules.name("localhost", 8000)
    rules.name("intranet.example", 80)
    assert not blocked(rules, "127.0.0.1", "127.0.0.1", 8000)
    assert not blocked(rules, "localhost", "127.0.0.1", 8000)
    assert blocked(rules, "127.0.0.1", "127.0.0.1", 22)
    assert blocked(rules, "127.0.0.2", "127.0.0.2", 8000)
    assert blocked(rules, "intranet.example", "10.0.0.1")


@pytest.mark.promise("P07")
def test_allow_private_takes_hosts_addresses_and_networks() -> None:
    rules = AddressRules(["intranet.example", "10.0.0.0/8", "192.168.1.1"])
    assert not blocked(rules, "intranet.example", "172.16.0.1")
    assert not blocked(rules, "other.example", "10.9.9.9")
    assert not blocked(rules, "192.168.1.1", "192.168.1.1")
    assert blocked(rules, "192.168.1.2", "192.168.1.2")


BOTH = ("127.0.0.1", "::1")


@pytest.mark.promise("P80")
@pytest.mark.parametrize(
    ("allow", "host", "addresses", "allowed"),
    [
        ((), "a.example", ("93.184.216.34", "10.0.0.1"), ("93.184.216.34",)),
        ((), "a.example", ("fd00::1", "2606:2800:220:1::1"), ("2606:2800:220:1::1",)),
        ((), "a.example", ("10.0.0.1", "fd00::1"), ()),
        (("10.0.0.0/8",), "a.example", ("10.0.0.1", "fd00::1"), ("10.0.0.1",)),
        (("a.example",), "a.example", ("10.0.0.1", "fd00::1"), ("10.0.0.1", "fd00::1")),
        (("::1",), "localhost", BOTH, ("::1",)),
        (("127.0.0.0/8",), "x.localhost", BOTH, ("127.0.0.1",)),
        (("localhost",), "localhost", BOTH, BOTH),
        ((), "localhost", BOTH, ()),
    ],
)
def test_each_address_of_a_name_is_judged(
    allow: tuple[str, ...], host: str, addresses: tuple[str, ...], allowed: tuple[str, ...]
) -> None:
    rules = AddressRules(allow)
    if allowed:
        assert rules.allowed(host, 80, addresses) == allowed
    else:
        with pytest.raises(SkipError, match=addresses[0]):
            rules.allowed(host, 80, addresses)
    if addresses == BOTH:  # a link of a public page states it
        refusal = rules.refusal("http://public.example/", f"http://{host}/")
        assert (refusal is None) is bool(allowed)


@pytest.mark.parametrize("item", ["10.0.0.0/99", "", "a/b"])
def test_a_wrong_allow_private_item_is_refused(item: str) -> None:
    with pytest.raises(UsageError, match="neither a host nor a network"):
        AddressRules([item])


async def test_a_literal_address_is_not_looked_up() -> None:
    rules = AddressRules()
    rules.name("127.0.0.1", 8000)
    resolver = SystemResolver(rules)
    endpoint = await resolver.resolve("127.0.0.1", 8000)
    assert (endpoint.address, endpoint.dial_host, endpoint.dial_port) == (
        "127.0.0.1",
        "127.0.0.1",
        8000,
    )
    assert endpoint.lookup_s == 0
    assert resolver.cached("127.0.0.1", 8000) == endpoint
    await resolver.close()


@pytest.mark.promise("P07")
async def test_a_blocked_address_is_never_cached() -> None:
    resolver = SystemResolver(AddressRules())
    for _ in range(2):
        with pytest.raises(SkipError):
            await resolver.resolve("10.0.0.1", 80)
        assert resolver.cached("10.0.0.1", 80) is None
    await resolver.close()


@pytest.mark.promise("P21")
async def test_an_unknown_name_is_a_dns_failure() -> None:
    resolver = SystemResolver(AddressRules())
    with pytest.raises(FetchError) as caught:
        await resolver.resolve("no-such-host.invalid", 80)
    assert caught.value.kind is FailureKind.DNS
    assert "no-such-host.invalid" in caught.value.message
    await resolver.close()


async def test_parallel_lookups_of_a_name_are_shared() -> None:
    with NamesServer({"a.example": ["10.0.0.1"]}) as server:
        resolver = server.network.resolver(AddressRules(["a.example"]))
        found = await asyncio.gather(*(resolver.resolve("a.example", 80) for _ in range(20)))
        await resolver.close()
    assert {endpoint.address for endpoint in found} == {"10.0.0.1"}
    assert server.asked == ["a.example"] * 2, "A and AAAA"


async def test_a_cancelled_request_leaves_the_look_up_to_others() -> None:
    with NamesServer({"a.example": ["10.0.0.1"]}) as server:
        resolver = server.network.resolver(AddressRules(["a.example"]))
        first, second = (asyncio.create_task(resolver.resolve("a.example", 80)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).address == "10.0.0.1"
        await resolver.close()
    assert first.cancelled()
