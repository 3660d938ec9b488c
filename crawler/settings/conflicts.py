"""Options that exclude each other, and values that have the wrong form."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from crawler.engines.shared.framing import FRAMING
from crawler.fetch.headers import parse_header, parse_login, parse_place
from crawler.fetch.proxy import parse_proxy
from crawler.frontier.retry import parse_backoff
from crawler.model.errors import UsageError
from crawler.model.scope import make_strip
from crawler.parsing.executors.names import WITHOUT_WORKERS
from crawler.settings.fields import Fields
from crawler.settings.objects import SINK
from crawler.settings.option import Option

# The name is a token (RFC 9110, 5.6.2); the value has no character that could end the line.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*")
_LOGIN = re.compile(r"[^=]+=[^:\0-\x1f\x7f]*:[^\0-\x1f\x7f]*")


def _header_names(headers: Iterable[str]) -> frozenset[str]:
    return frozenset(parse_header(each)[0].lower() for each in headers)


def _are_valid(parse: Callable[[str], object], texts: Iterable[str]) -> bool:
    """Whether ``parse`` accepts each of ``texts``."""
    try:
        for text in texts:
            parse(text)
    except UsageError:
        return False
    return True


class _Rule(NamedTuple):
    """If one of the options ``names`` is set and ``holds`` is false, ``message`` is the error.

    In a message, ``{engine}`` is replaced by the place where the option ``engine`` was set: the
    flag, the variable, or the file and its key.
    """

    names: tuple[str, ...]
    holds: Callable[[Fields], bool]
    message: str


_RULES = (
    _Rule(
        ("concurrency",),
        lambda fields: fields.engine != "sequential" or fields.fetch_slots == 1,
        "must be 1 with {engine} sequential, which sends one request at a time",
    ),
    _Rule(
        ("http2",),
        # What an engine of your own can do, it says itself, once it was created.
        lambda fields: fields.engine == "curl" or not isinstance(fields.engine, str),
        "needs {engine} curl: the other engines support only HTTP/1.1",
    ),
    _Rule(
        ("header",),
        lambda fields: all(map(_HEADER.fullmatch, fields.header)),
        "must have the form 'K: V', in printable ASCII characters",
    ),
    _Rule(
        ("header",),
        lambda fields: FRAMING.isdisjoint(_header_names(fields.header)),
        f"cannot set any of {', '.join(sorted(FRAMING))}: they control the connection",
    ),
    _Rule(
        ("header",),
        lambda fields: (
            fields.proxy is None or "proxy-authorization" not in _header_names(fields.header)
        ),
        "cannot set Proxy-Authorization: write the login into the URL of {proxy}",
    ),
    _Rule(
        ("auth",),
        lambda fields: (
            all(map(_LOGIN.fullmatch, fields.auth)) and _are_valid(parse_login, fields.auth)
        ),
        "must have the form HOST=USER:PASS or HOST:PORT=USER:PASS",
    ),
    _Rule(
        ("proxy",),
        lambda fields: fields.proxy is None or _are_valid(parse_proxy, [fields.proxy]),
        "must have the form SCHEME://[USER:PASSWORD@]HOST[:PORT], with the scheme http, https, "
        "socks5 or socks5h",
    ),
    _Rule(
        ("insecure",),
        lambda fields: _are_valid(parse_place, fields.insecure),
        "must have the form HOST or HOST:PORT",
    ),
    _Rule(
        ("retry",),
        lambda fields: _are_valid(parse_backoff, fields.retry),
        "must have the form KIND=TRIES or KIND=TRIES,SECONDS, with a kind of failure that can be "
        "retried",
    ),
    _Rule(
        ("strip_param",),
        lambda fields: _are_valid(lambda name: make_strip([name]), fields.strip_param),
        "must be the name of a query parameter, or the start of a name followed by *",
    ),
    _Rule(
        ("depth", "scope", "include", "exclude", "max_url_length", "max_repeats", "max_per_host"),
        lambda fields: fields.follow,
        "needs {follow}",
    ),
    _Rule(("latency_scale",), lambda fields: fields.replay is not None, "needs {replay}"),
    _Rule(
        ("http2",),
        lambda fields: fields.replay is None,
        "cannot be combined with {replay}, which supports only HTTP/1.1",
    ),
    _Rule(
        ("follow", "parser", "extract", "html", "cache"),
        lambda fields: fields.parse != "none",
        "needs parsed pages: it cannot be combined with {parse} none",
    ),
    _Rule(
        ("cache",),
        lambda fields: fields.parser is None,
        "cannot be combined with {parser}: what your function depends on is not known",
    ),
    _Rule(("cache_size",), lambda fields: fields.cache is not None, "needs {cache}"),
    _Rule(
        ("workers",),
        lambda fields: fields.parse not in WITHOUT_WORKERS,
        f"cannot be combined with {{parse}} {' or '.join(sorted(WITHOUT_WORKERS))}",
    ),
    _Rule(
        ("json",),
        lambda fields: "-" not in fields.out,
        "cannot be combined with {out} -: both write to standard output",
    ),
    _Rule(
        ("out",),
        lambda fields: len(set(map(SINK.shown, fields.out))) == len(fields.out),
        "names the same output twice",
    ),
    _Rule(
        ("slots", "shards", "slice"),
        lambda fields: fields.on is not None,
        "needs {on}",
    ),
    _Rule(
        ("replay", "baseline"),
        lambda fields: fields.on is None,
        "cannot be combined with {on}: each shard would do it for itself",
    ),
    _Rule(
        ("metrics_port",),
        lambda fields: fields.on is None,
        "cannot be combined with {on}: each slice would need a port; crawler status --json has "
        "the numbers of all shards",
    ),
    _Rule(("overwrite",), lambda fields: bool(fields.out), "needs {out}"),
    _Rule(("resume",), lambda fields: fields.run is not None, "needs {run}"),
    _Rule(("again",), lambda fields: fields.resume, "needs {resume}"),
    _Rule(
        ("history",),
        lambda fields: fields.line_order == "slowest",
        "needs {order} slowest",
    ),
    _Rule(
        ("sources",),
        lambda fields: fields.sources.count("-") < 2,
        "contains - twice, but standard input can be read only once",
    ),
)


def conflicts(fields: Fields, known: Iterable[Option]) -> Iterator[str]:
    """Yield an error message for each option that is set and breaks a rule.

    In a message, ``{name}`` stands for an option. An option is set if it differs from its default.
    """
    changed = {each.name for each in known if getattr(fields, each.name) != each.default}
    for rule in _RULES:
        if not rule.holds(fields):
            yield from (f"{{{name}}} {rule.message}" for name in rule.names if name in changed)
