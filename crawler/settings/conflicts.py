"""Options that exclude each other, and texts that are none of their kind."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from crawler.engines.shared.framing import FRAMING
from crawler.fetch.headers import parse_header, parse_login, parse_place
from crawler.fetch.proxy import parse_proxy
from crawler.frontier.retry import parse_backoff
from crawler.model.errors import UsageError
from crawler.model.scope import make_strip
from crawler.settings.fields import Fields
from crawler.settings.option import Option

# A token (RFC 9110, 5.6.2), and nothing that could end the line.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*")
_LOGIN = re.compile(r"[^=]+=[^:\0-\x1f\x7f]*:[^\0-\x1f\x7f]*")


def _names(headers: Iterable[str]) -> frozenset[str]:
    return frozenset(parse_header(each)[0].lower() for each in headers)


def _is(parse: Callable[[str], object], text: str) -> bool:
    """Whether ``parse`` takes ``text``."""
    try:
        parse(text)
    except UsageError:
        return False
    return True


class _Rule(NamedTuple):
    """Where any of ``names`` was asked for, ``holds`` must, or else ``{name} {says}``."""

    names: tuple[str, ...]
    holds: Callable[[Fields], bool]
    says: str


_RULES = (
    _Rule(
        ("concurrency",),
        lambda asked: asked.engine != "sequential" or asked.slots == 1,
        "above 1 cannot be had with {engine} sequential: it fetches one page at a time",
    ),
    _Rule(
        ("http2",),
        lambda asked: asked.engine == "curl",
        "needs {engine} curl: the others speak HTTP/1.1 only",
    ),
    _Rule(
        ("header",),
        lambda asked: all(map(_HEADER.fullmatch, asked.header)),
        "must be 'K: V' in printable ASCII",
    ),
    _Rule(
        ("header",),
        lambda asked: FRAMING.isdisjoint(_names(asked.header)),
        f"sets none of {', '.join(sorted(FRAMING))}: they belong to the connection",
    ),
    _Rule(
        ("header",),
        lambda asked: asked.proxy is None or "proxy-authorization" not in _names(asked.header),
        "cannot set Proxy-Authorization: the login stands in {proxy}",
    ),
    _Rule(
        ("auth",),
        lambda asked: all(_LOGIN.fullmatch(each) and _is(parse_login, each) for each in asked.auth),
        "must be HOST=USER:PASS or HOST:PORT=USER:PASS",
    ),
    _Rule(
        ("proxy",),
        lambda asked: asked.proxy is None or _is(parse_proxy, asked.proxy),
        "must be SCHEME://[USER:PASSWORD@]HOST[:PORT], of http, https, socks5 or socks5h",
    ),
    _Rule(
        ("insecure",),
        lambda asked: all(_is(parse_place, each) for each in asked.insecure),
        "must be HOST or HOST:PORT",
    ),
    _Rule(
        ("retry",),
        lambda asked: all(_is(parse_backoff, each) for each in asked.retry),
        "must be KIND=TRIES or KIND=TRIES,SECONDS, of a kind that can be tried again",
    ),
    _Rule(
        ("strip_param",),
        lambda asked: all(_is(lambda name: make_strip([name]), each) for each in asked.strip_param),
        "must be the name of a parameter, or the beginning of one and *",
    ),
    _Rule(
        ("depth", "scope", "include", "exclude", "max_url_length", "max_repeats", "max_per_host"),
        lambda asked: asked.follow,
        "needs {follow}",
    ),
    _Rule(("latency_scale",), lambda asked: asked.replay is not None, "needs {replay}"),
    _Rule(
        ("http2",),
        lambda asked: asked.replay is None,
        "cannot go with {replay}: that speaks HTTP/1.1 only",
    ),
    _Rule(
        ("follow", "parser", "extract", "html"),
        lambda asked: asked.parse != "none",
        "needs parsed pages: it cannot go with {parse} none",
    ),
    _Rule(
        ("workers",),
        lambda asked: asked.parse in ("process", "thread"),
        "needs {parse} process or thread",
    ),
    _Rule(
        ("json",),
        lambda asked: "-" not in asked.out,
        "cannot go with {out} -: both write to standard output",
    ),
    _Rule(
        ("out",),
        lambda asked: len(set(asked.out)) == len(asked.out),
        "names the same place twice",
    ),
    _Rule(("resume",), lambda asked: asked.run is not None, "needs {run}"),
    _Rule(
        ("history",),
        lambda asked: asked.line_order == "slowest",
        "needs {order} slowest",
    ),
    _Rule(
        ("sources",),
        lambda asked: asked.sources.count("-") < 2,
        "names - twice, but standard input can be read only once",
    ),
)


def conflicts(asked: Fields, known: Iterable[Option]) -> Iterator[str]:
    given = {each.name for each in known if getattr(asked, each.name) != each.default}
    for rule in _RULES:
        if not rule.holds(asked):
            yield from (f"{{{name}}} {rule.says}" for name in rule.names if name in given)
