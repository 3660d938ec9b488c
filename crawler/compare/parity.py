"""Whether the same is asked of every engine: judged before any figure is shown."""

from collections.abc import Iterator, Mapping, Sequence

from crawler.compare.plan import Contestant
from crawler.engines.base import Capabilities
from crawler.localweb.request_log import Account
from crawler.metrics.comparison import Parity
from crawler.model.exchange import Headers
from crawler.model.units import seconds
from crawler.settings import Settings, options

_OWN = {"sources", "engine", "concurrency", "run"}
"""Options that differ because that is what is compared."""
_HOP_BY_HOP = "connection"
_REQUESTS_APART = 0.01
_CONNECTIONS_APART = 2

SeenByServer = Mapping[Contestant, Sequence[Account]]
"""What the server was asked, an account for each run."""


def audit(
    settings: Mapping[str, Settings],
    capabilities: Mapping[str, Capabilities],
    headers: Headers,
    seen: SeenByServer,
) -> Parity:
    """``settings`` and ``capabilities`` by engine; ``headers`` are those that all were to send.

    ``seen`` is empty where the server is not ours.
    """
    unequal = tuple(_settings_apart(settings))
    heads = {each.engine: _heads(accounts) for each, accounts in seen.items() if accounts}
    spelled = {engine: {_lowered(head) for head in found} for engine, found in heads.items()}
    unexplained = (*_heads_apart(spelled), *_requests_apart(seen))
    engines = [f"{each.name}: {note}" for each in capabilities.values() for note in each.notes]
    engines += _keep_alive_apart(capabilities)
    engines += _spelling_apart(heads, spelled)
    engines += _connections_apart(capabilities, seen)
    same = _same(next(iter(settings.values())), headers, unequal)
    return Parity(same, unequal, unexplained, tuple(engines))


def _same(common: Settings, headers: Headers, unequal: Sequence[str]) -> dict[str, str]:
    apart = {sentence.partition(":")[0] for sentence in unequal}
    same = {
        "slots": "as many requests in flight as --concurrency says, for each engine",
        "dns": "looked up and cached once, outside the engines",
        "tls": "certificates verified",
        "headers": ", ".join(name for name, _ in headers),
        "http2": "HTTP/2 where the server can" if common.http2 else "HTTP/1.1",
        "redirects": "followed outside the engines",
        "retries": f"{common.retries}, outside the engines",
        "timeout": f"{seconds(common.timeout)} a request, all of it",
    }
    return {name: says for name, says in same.items() if name not in apart}


def _settings_apart(settings: Mapping[str, Settings]) -> Iterator[str]:
    for name in (option.name for option in options() if option.name not in _OWN):
        values = {engine: getattr(each, name) for engine, each in settings.items()}
        if len(set(map(repr, values.values()))) > 1:
            yield f"{name}: " + ", ".join(f"{value} for {key}" for key, value in values.items())


def _heads(accounts: Sequence[Account]) -> set[tuple[str, Headers]]:
    """How the requests began, but for what concerns the connection and not the page."""
    return {
        (head.version, tuple(pair for pair in head.headers if pair[0].lower() != _HOP_BY_HOP))
        for account in accounts
        for head in account.heads
    }


def _lowered(head: tuple[str, Headers]) -> tuple[str, Headers]:
    version, headers = head
    return version, tuple(sorted((name.lower(), value) for name, value in headers))


def _heads_apart(heads: Mapping[str, set[tuple[str, Headers]]]) -> Iterator[str]:
    """What some sent and others did not; nobody is right, so each is set against all."""
    lines = {
        engine: {f"{name}: {value}" for _, headers in found for name, value in headers}
        | {version for version, _ in found}
        for engine, found in heads.items()
    }
    everything = set().union(*lines.values())
    for engine, found in lines.items():
        missing = everything - found
        if missing:
            yield f"{engine} never sent {', '.join(sorted(missing))}, which others did"


def _requests_apart(seen: SeenByServer) -> Iterator[str]:
    counts = {each: [account.requests for account in found] for each, found in seen.items()}
    fewest = min((min(found) for found in counts.values() if found), default=0)
    for each, found in counts.items():
        if found and max(found) > fewest * (1 + _REQUESTS_APART):
            yield f"{each} made {max(found):,} requests for the list, where {fewest:,} do"


def _keep_alive_apart(capabilities: Mapping[str, Capabilities]) -> Iterator[str]:
    closing = [each.name for each in capabilities.values() if not each.keep_alive]
    if 0 < len(closing) < len(capabilities):
        yield f"keep-alive: all but {', '.join(closing)}, with a new connection for each request"


def _spelling_apart(
    heads: Mapping[str, set[tuple[str, Headers]]], spelled: Mapping[str, set[tuple[str, Headers]]]
) -> Iterator[str]:
    names = {
        engine: {name for _, headers in found for name, _ in headers}
        for engine, found in heads.items()
    }
    alike = len(set(map(frozenset, spelled.values()))) < 2
    if alike and len(set(map(frozenset, names.values()))) > 1:
        yield "header names are not spelled alike by all (capitals)"


def _connections_apart(
    capabilities: Mapping[str, Capabilities], seen: SeenByServer
) -> Iterator[str]:
    made = {
        each: max(account.connections for account in found)
        for each, found in seen.items()
        if found and capabilities[each.engine].keep_alive
    }
    for each, count in made.items():
        fewest = min(n for other, n in made.items() if other.concurrency == each.concurrency)
        if count > _CONNECTIONS_APART * fewest + each.concurrency:
            yield f"{each} made {count:,} connections, where others made {fewest:,}"
