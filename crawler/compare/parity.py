"""Checks that the conditions were the same for all runs, before any figure is shown."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from crawler.compare.reuse import OfRuns, unequal_reuse
from crawler.engines.base import Capabilities
from crawler.localweb.request_log import Account
from crawler.metrics.comparison import Parity
from crawler.metrics.contestants import Contestant, Naming
from crawler.model.exchange import Headers
from crawler.model.units import seconds
from crawler.settings import Settings, options

_COMPARED = {"sources", "engine", "concurrency", "parse", "workers", "run"}
"""Options that may differ, because they are what is compared."""
_HOP_BY_HOP = "connection"
_MORE_REQUESTS = 0.01
"""Share by which the requests of a run may exceed the fewest of all runs."""

SeenByServer = Mapping[Contestant, Sequence[Account]]
"""What the server received, one account for each run."""


def audit(
    settings: Mapping[str, Settings],
    capabilities: Mapping[str, Capabilities],
    headers: Headers,
    seen: SeenByServer,
    reuse: OfRuns,
) -> Parity:
    """``settings`` are by name of what differs, such as the engine, ``capabilities`` by engine.

    ``headers`` are those that all should send. ``seen`` is empty unless the runs used the replay
    server.
    """
    unequal = tuple(_different_settings(settings))
    heads = _heads_by_engine(seen)
    normalized = {engine: {_normalized(head) for head in found} for engine, found in heads.items()}
    keeping = {name for name, each in capabilities.items() if each.keep_alive}
    unexplained = (
        *_different_heads(normalized),
        *_different_requests(seen),
        *unequal_reuse(reuse, keeping),
    )
    engines = [f"{each.name}: {note}" for each in capabilities.values() for note in each.notes]
    engines += _different_keep_alive(capabilities)
    engines += _different_spelling(heads, normalized)
    same = _same(next(iter(settings.values())), headers, unequal)
    return Parity(same, unequal, unexplained, tuple(engines))


def _same(common: Settings, headers: Headers, unequal: Sequence[str]) -> dict[str, str]:
    different = {sentence.partition(":")[0] for sentence in unequal}
    same = {
        "slots": "at most --concurrency requests in flight",
        "dns": "looked up and cached once, outside the engines",
        "tls": "certificates verified",
        "headers": ", ".join(name for name, _ in headers),
        "http2": "HTTP/2 if the server supports it" if common.http2 else "HTTP/1.1",
        "redirects": "followed outside the engines",
        "retries": f"{common.retries}, outside the engines",
        "timeout": f"{seconds(common.timeout)} for a whole request",
    }
    return {name: how for name, how in same.items() if name not in different}


def _different_settings(settings: Mapping[str, Settings]) -> Iterator[str]:
    for name in (option.name for option in options() if option.name not in _COMPARED):
        values = {key: getattr(each, name) for key, each in settings.items()}
        if len(set(map(repr, values.values()))) > 1:
            yield f"{name}: " + ", ".join(f"{value} for {key}" for key, value in values.items())


def _heads_by_engine(seen: SeenByServer) -> Mapping[str, set[tuple[str, Headers]]]:
    found: defaultdict[str, set[tuple[str, Headers]]] = defaultdict(set)
    for each, accounts in seen.items():
        found[each.engine] |= _heads(accounts)
    return found


def _heads(accounts: Sequence[Account]) -> set[tuple[str, Headers]]:
    """HTTP version and headers of the requests, without those about the connection."""
    return {
        (head.version, tuple(pair for pair in head.headers if pair[0].lower() != _HOP_BY_HOP))
        for account in accounts
        for head in account.heads
    }


def _normalized(head: tuple[str, Headers]) -> tuple[str, Headers]:
    """``head`` with header names in lower case, in sorted order."""
    version, headers = head
    return version, tuple(sorted((name.lower(), value) for name, value in headers))


def _different_heads(heads: Mapping[str, set[tuple[str, Headers]]]) -> Iterator[str]:
    """For each engine, the headers that it never sent and other engines did."""
    lines = {
        engine: {f"{name}: {value}" for _, headers in found for name, value in headers}
        | {version for version, _ in found}
        for engine, found in heads.items()
    }
    everything = set().union(*lines.values())
    for engine, found in lines.items():
        missing = everything - found
        if missing:
            yield f"{engine} never sent {', '.join(sorted(missing))}; other engines did"


def _different_requests(seen: SeenByServer) -> Iterator[str]:
    counts = {each: [account.requests for account in found] for each, found in seen.items()}
    fewest = min((min(found) for found in counts.values() if found), default=0)
    naming = Naming(seen)
    for each, found in counts.items():
        if found and max(found) > fewest * (1 + _MORE_REQUESTS):
            made = f"{naming.name(each)} made {max(found):,} requests for the list"
            yield f"{made}; {fewest:,} are enough"


def _different_keep_alive(capabilities: Mapping[str, Capabilities]) -> Iterator[str]:
    closing = [each.name for each in capabilities.values() if not each.keep_alive]
    if 0 < len(closing) < len(capabilities):
        yield f"keep-alive: not with {', '.join(closing)} (a new connection for each request)"


def _different_spelling(
    heads: Mapping[str, set[tuple[str, Headers]]],
    normalized: Mapping[str, set[tuple[str, Headers]]],
) -> Iterator[str]:
    names = {
        engine: {name for _, headers in found for name, _ in headers}
        for engine, found in heads.items()
    }
    same_headers = len(set(map(frozenset, normalized.values()))) < 2
    if same_headers and len(set(map(frozenset, names.values()))) > 1:
        yield "header names differ in upper and lower case"
