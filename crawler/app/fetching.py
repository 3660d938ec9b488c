"""Builds from settings what sends requests: headers, politeness, proxy, engine options."""

from collections.abc import Callable

import msgspec

from crawler.app.descriptors import share
from crawler.app.outputs import RecordExchange
from crawler.engines.base import Capabilities, Engine, EngineOptions
from crawler.engines.registry import capabilities_of
from crawler.fetch.addresses import AddressRules
from crawler.fetch.cookies import Jar
from crawler.fetch.fetcher import Fetcher
from crawler.fetch.headers import HostPort, RequestHeaders, is_insecure, parse_place
from crawler.fetch.network import Network
from crawler.fetch.network import current as network_now
from crawler.fetch.proxy import parse_proxy
from crawler.fetch.proxy_resolver import ProxyResolver
from crawler.frontier.host_queue import HostPolicy
from crawler.model.errors import UsageError
from crawler.model.exchange import Proxy
from crawler.model.secrets import Hide
from crawler.settings import Settings
from crawler.settings.defaults import PATIENCE

ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ENCODINGS = "gzip, deflate, br, zstd"


def engine_options(settings: Settings, network: Network) -> EngineOptions:
    sockets = share(settings)
    return EngineOptions(
        sockets.slots, settings.http2, network.ca_file, connections=sockets.connections
    )


def check_roots() -> None:
    """Raise UsageError if the environment names roots for the network, but there are none."""
    _ = network_now().ca_file


def check_not_mocked() -> None:
    """Raise UsageError if the network is mocked: other processes do not know of it."""
    if network_now().is_mocked:
        raise UsageError(
            "--on: the mocked network is in this process alone, and slices run in others; crawl "
            "without --on"
        )


def patience_seconds(settings: Settings, network: Network) -> float:
    """How long a host that has answered is waited for while nothing comes from it; 0: not at all.

    By default not at all in a web that is mocked or replayed: nothing of it comes back.
    """
    if not settings.retries:
        return 0.0
    if settings.patience is not None:
        return settings.patience
    return 0.0 if network.is_mocked else float(PATIENCE)


def host_policy(
    settings: Settings, rules: AddressRules, network: Network, slots: int = 1
) -> Callable[[str], HostPolicy]:
    """Return a function from a host name to its politeness.

    ``slots`` shards of the crawl, each with hosts of its own, share the limits of addresses.
    """

    def policy(host: str) -> HostPolicy:
        own = network.is_mocked or rules.is_named_loopback(host)
        at_address = settings.address_limit(own=own)
        return HostPolicy(
            settings.host_limit(own=own) or 0,
            settings.host_delay(own=own),
            max(1, at_address // slots) if at_address else 0,
        )

    return policy


def request_headers(settings: Settings) -> RequestHeaders:
    defaults = (
        ("User-Agent", settings.user_agent),
        ("Accept", ACCEPT),
        ("Accept-Encoding", ENCODINGS),
    )
    return RequestHeaders(defaults, settings.header, settings.auth)


def make_fetcher(
    settings: Settings,
    network: Network,
    rules: AddressRules,
    engine: Engine,
    record: RecordExchange | None,
    hide: Hide,
) -> Fetcher:
    """``record`` is called after each exchange, ``hide`` with each error message.

    Call ``check_fetching`` before.
    """
    proxy = _proxy(settings)
    if proxy is None:
        resolver = network.resolver(rules)
    else:
        # The user named the proxy, so it may have any address; the requested hosts may not.
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
        hide,
        settings.fetch_slots,
    )


def check_fetching(settings: Settings, network: Network, engine: Engine) -> None:
    """Check the settings before any file of the run is opened.

    Raises UsageError if the engine does not support what the settings ask for, if it or that of the
    baseline does not support the proxy, and if a replay would use the real network.
    """
    _check_engine(settings, engine.capabilities)
    proxy = _proxy(settings)
    if proxy is not None:
        check_proxy(proxy, engine.capabilities)
        if settings.baseline is not None:
            check_proxy(proxy, capabilities_of("sequential"))
    if settings.replay and not network.is_mocked:
        raise UsageError(
            "replay: in Python, use the context manager: with crawler.testing.Replay(FILE): …"
        )


def _check_engine(settings: Settings, engine: Capabilities) -> None:
    if settings.http2 and not engine.http2:
        raise UsageError(f"--http2: the engine {engine.name} supports only HTTP/1.1")
    most = engine.max_concurrency
    if most is not None and settings.fetch_slots > most:
        raise UsageError(f"--concurrency must be at most {most} with the engine {engine.name}")


def _proxy(settings: Settings) -> Proxy | None:
    if settings.proxy is None:
        return None
    proxy = parse_proxy(settings.proxy)
    verify = not is_insecure(_insecure(settings), proxy.host, proxy.port)
    return msgspec.structs.replace(proxy, verify=verify)


def _insecure(settings: Settings) -> frozenset[HostPort]:
    return frozenset(map(parse_place, settings.insecure))


def check_proxy(proxy: Proxy, engine: Capabilities) -> None:
    """Raises UsageError if the engine does not support the scheme of the proxy."""
    if proxy.scheme not in engine.proxies:
        supported = " and ".join(engine.proxies)
        raise UsageError(
            f"--proxy: {engine.name} does not support {proxy.scheme} proxies, only {supported}"
        )
