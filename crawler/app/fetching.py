"""Settings to everything that sends requests: headers, politeness, proxy, engine options."""

import resource
from collections.abc import Callable

import msgspec

from crawler.app.outputs import RecordExchange
from crawler.engines.base import Capabilities, Engine, EngineOptions
from crawler.engines.registry import capabilities_of
from crawler.fetch.addresses import AddressRules
from crawler.fetch.cookies import Jar
from crawler.fetch.fetcher import Fetcher
from crawler.fetch.headers import HostPort, RequestHeaders, is_insecure, parse_place
from crawler.fetch.network import Network
from crawler.fetch.proxy import parse_proxy
from crawler.fetch.proxy_resolver import ProxyResolver
from crawler.frontier.schedule import HostPolicy
from crawler.model.errors import UsageError
from crawler.model.exchange import Proxy
from crawler.model.urls import host_port
from crawler.settings import Settings

ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ENCODINGS = "gzip, deflate, br, zstd"
FILES = 40
"""File descriptors that are needed besides those of requests."""


def fetch_slots(settings: Settings) -> int:
    """As many as asked for, or fewer where the process may not open so many files.

    A request may take two descriptors: its own, and one that an engine keeps open for the next.
    """
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return settings.slots
    return max(1, min(settings.slots, (most - FILES) // 2))


def engine_options(settings: Settings, network: Network) -> EngineOptions:
    return EngineOptions(fetch_slots(settings), settings.http2, network.ca_file)


def host_policy(
    settings: Settings, rules: AddressRules, network: Network
) -> Callable[[str], HostPolicy]:
    """Politeness by authority (``host[:port]``)."""

    def policy(authority: str) -> HostPolicy:
        # Which of the default ports it is says the URL, and for this it may be either.
        places = {host_port(f"{scheme}://{authority}/") for scheme in ("http", "https")}
        own = network.is_mocked or any(rules.is_named_loopback(*place) for place in places)
        return HostPolicy(
            settings.host_limit(own=own) or 0,
            settings.host_delay(own=own),
            settings.address_limit(own=own) or 0,
        )

    return policy


def request_headers(settings: Settings) -> RequestHeaders:
    usual = (
        ("User-Agent", settings.user_agent),
        ("Accept", ACCEPT),
        ("Accept-Encoding", ENCODINGS),
    )
    return RequestHeaders(usual, settings.header, settings.auth)


def make_fetcher(
    settings: Settings,
    network: Network,
    rules: AddressRules,
    engine: Engine,
    record: RecordExchange | None,
) -> Fetcher:
    """``record`` takes each exchange that has ended. Call ``check_fetching`` before."""
    proxy = _proxy(settings)
    if proxy is None:
        resolver = network.resolver(rules)
    else:
        # The user named the proxy, so it may be anywhere; what it is asked for may not.
        own_rules = AddressRules([proxy.host])
        resolver = ProxyResolver(proxy, rules, network.resolver(own_rules))
    return Fetcher(
        engine,
        resolver,
        request_headers(settings),
        settings.timeout,
        settings.max_bytes,
        Jar() if settings.cookies else None,
        proxy,
        _insecure(settings),
        record,
    )


def check_fetching(settings: Settings, network: Network, engine: Engine) -> None:
    """Check what could be wrong before any file of the run is opened.

    Raises UsageError where the engine, or the one of the baseline, cannot use the proxy, and where
    a replay would reach the real network.
    """
    proxy = _proxy(settings)
    if proxy is not None:
        check_proxy(proxy, engine.capabilities)
        if settings.baseline is not None:
            check_proxy(proxy, capabilities_of("sequential"))
    if settings.replay and not network.is_mocked:
        raise UsageError(
            "replay: from Python it is a context: with crawler.testing.Replay(FILE): …"
        )


def _proxy(settings: Settings) -> Proxy | None:
    if settings.proxy is None:
        return None
    proxy = parse_proxy(settings.proxy)
    verify = not is_insecure(_insecure(settings), proxy.host, proxy.port)
    return msgspec.structs.replace(proxy, verify=verify)


def _insecure(settings: Settings) -> frozenset[HostPort]:
    return frozenset(map(parse_place, settings.insecure))


def check_proxy(proxy: Proxy, engine: Capabilities) -> None:
    """Raises UsageError where the engine cannot use such a proxy."""
    if proxy.scheme not in engine.proxies:
        able = " and ".join(engine.proxies)
        raise UsageError(f"--proxy: {engine.name} asks no {proxy.scheme} proxy, only {able}")
