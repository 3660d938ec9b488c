"""What was asked for: one frozen record, the only place where an option is described.

The flags of ``crawler crawl``, the variables ``CRAWLER_<NAME>``, the keys of a TOML file and
``config/default.toml`` all follow from the fields of ``Settings``. Where several of them name an
option, the stronger wins: defaults < file < environment < flags; a list is replaced, not extended.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from crawler.credentials import FRAMING, parse_header, parse_login, parse_place
from crawler.errors import UsageError
from crawler.frontier.retry import parse_backoff
from crawler.options import Option, from_environment, from_file, from_flags, option
from crawler.proxy import parse_proxy
from crawler.urls import UrlError, canonical, make_strip
from crawler.version import __version__

Natural = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]
Sample = Annotated[int, Meta(ge=2)]
Tries = Annotated[int, Meta(ge=0, le=100)]
Slots = Annotated[int, Meta(ge=1, le=10_000)]
Workers = Annotated[int, Meta(ge=1, le=256)]
Rate = Annotated[float, Meta(gt=0, le=1_000_000)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Scale = Annotated[float, Meta(ge=0, le=1000)]
Pause = Annotated[float, Meta(ge=0, le=86_400)]
Size = Annotated[int, Meta(ge=1, le=2**50)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Path = Annotated[str, Meta(min_length=1)]
Name = Annotated[str, Meta(min_length=1)]
Function = Annotated[str, Meta(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*\Z")]
# Printable ASCII, so that nothing in it can end the header line.
HeaderText = Annotated[str, Meta(pattern=r"^[!-~][ -~]*\Z")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A crawl as asked for; every field has a default, and None means that nothing was asked.

    Raises UsageError for a value of the wrong type or out of bounds and for options that exclude
    each other. Sizes may be given as text (``memory="1GiB"``) and are kept in bytes; where several
    values are possible, one may be given alone (``out="pages.jsonl"``).
    """

    sources: Annotated[
        tuple[str, ...],
        option(
            "sources",
            "a URL, a file of URLs (one a line, # comments), a CSV or TSV with a header row, a "
            "sitemap (file or URL), or - for standard input",
            "SOURCE",
            example=["urls.txt"],
        ),
    ] = ()
    column: Annotated[
        Name | None,
        option(
            "sources",
            "the files and standard input are tables, and this column holds the URLs (default: "
            "url, in files called .csv or .tsv)",
            "NAME",
            example="url",
        ),
    ] = None
    order: Annotated[
        Literal["input", "random", "slowest"] | None,
        option(
            "sources",
            "which URLs first; all but input hold the whole list in memory (default: input; with "
            "a history slowest)",
            "NAME",
            example="slowest",
        ),
    ] = None
    history: Annotated[
        Path | None,
        option(
            "sources",
            "run directory of an earlier crawl, for --order slowest: what took longest goes first",
            "RUN",
            example="runs/first",
        ),
    ] = None

    engine: Annotated[
        Literal["curl", "aiohttp", "tornado", "threads", "sequential"],
        option("fetching", "the library that fetches, see `crawler engines`", "NAME"),
    ] = "curl"
    concurrency: Annotated[
        Slots | None,
        option(
            "fetching",
            "requests in flight at the same time (default: 64, with sequential 1)",
            "N",
            example=64,
        ),
    ] = None
    timeout: Annotated[Seconds, option("fetching", "seconds one request may take in all", "S")] = (
        30.0
    )
    retries: Annotated[
        Tries, option("fetching", "how often a failed request is tried again", "N")
    ] = 2
    max_bytes: Annotated[
        Size, option("fetching", "largest body, also once decompressed", "SIZE", size=True)
    ] = 10_000_000
    memory: Annotated[
        Size, option("fetching", "most bytes of bodies in memory at once", "SIZE", size=True)
    ] = 256_000_000
    http2: Annotated[
        bool, option("fetching", "speak HTTP/2 where the server can; with curl only")
    ] = False
    retry: Annotated[
        tuple[str, ...],
        option(
            "fetching",
            "try this kind of failure again so often, the first time after so many seconds, where "
            "--retries does not fit; repeatable",
            "KIND=TRIES[,SECONDS]",
            example=["timeout=5,2", "status:503=0"],
        ),
    ] = ()
    strip_param: Annotated[
        tuple[str, ...],
        option(
            "fetching",
            "leave this parameter out of every query, or all that begin so; repeatable",
            "NAME[*]",
            example=["sessionid", "utm_*"],
        ),
    ] = ()

    per_host: Annotated[
        Slots | None,
        option(
            "politeness",
            "requests in flight to one host (default: 4; no limit for a loopback host that the "
            "input names)",
            "N",
            example=4,
        ),
    ] = None
    delay: Annotated[
        Pause | None,
        option(
            "politeness",
            "seconds between requests to one host (default: 0.25; none for a loopback host that "
            "the input names)",
            "S",
            example=0.25,
        ),
    ] = None
    rate: Annotated[
        Rate | None,
        option(
            "politeness",
            "most requests a second, all hosts together (default: no limit)",
            "N",
            example=50.0,
        ),
    ] = None
    robots: Annotated[bool, option("politeness", "obey robots.txt")] = True
    user_agent: Annotated[
        HeaderText,
        option("politeness", "how the crawler names itself", "TEXT"),
    ] = f"crawler/{__version__}"
    allow_private: Annotated[
        tuple[str, ...],
        option(
            "politeness",
            "ask this host or network although its address is not public; repeatable",
            "HOST|CIDR",
            example=["intranet.example", "10.0.0.0/8"],
        ),
    ] = ()
    per_address: Annotated[
        Slots | None,
        option(
            "politeness",
            "requests in flight to one IP address, all its hosts together (default: 16; no limit "
            "for a loopback host that the input names)",
            "N",
            example=16,
        ),
    ] = None

    header: Annotated[
        tuple[str, ...],
        option(
            "session",
            "send this header with every request, Authorization and Cookie to the hosts that the "
            "input names alone; repeatable",
            "'K: V'",
            example=["Accept-Language: de"],
            secret=True,
        ),
    ] = ()
    auth: Annotated[
        tuple[str, ...],
        option(
            "session",
            "log in to this host, by http only where the input names it so; HOST may have a port; "
            "repeatable",
            "HOST=USER:PASS",
            example=["shop.example=user:password"],
            secret=True,
        ),
    ] = ()
    cookies: Annotated[bool, option("session", "keep the cookies that servers set")] = False
    proxy: Annotated[
        str | None,
        option(
            "session",
            "ask through this proxy, which looks up the names: http, https or socks5, see "
            "`crawler engines`",
            "URL",
            example="http://user:password@proxy.example:3128",
            secret=True,
        ),
    ] = None
    insecure: Annotated[
        tuple[str, ...],
        option(
            "session",
            "do not verify the certificate of this host, which may have a port; repeatable",
            "HOST",
            example=["intranet.example"],
        ),
    ] = ()

    follow: Annotated[bool, option("following", "crawl what the pages link to as well")] = False
    depth: Annotated[
        Natural | None,
        option(
            "following",
            "most links from the input to a page (default: no limit)",
            "N",
            example=3,
        ),
    ] = None
    max_pages: Annotated[
        Count | None,
        option("following", "stop after this many pages (default: never)", "N", example=1000),
    ] = None
    scope: Annotated[
        Literal["host", "domain", "prefix", "any"],
        option("following", "how far links may lead from where the input began", "NAME"),
    ] = "host"
    include: Annotated[
        tuple[str, ...],
        option(
            "following",
            "follow only URLs in which this regular expression is found; repeatable",
            "RE",
            example=["/docs/"],
        ),
    ] = ()
    exclude: Annotated[
        tuple[str, ...],
        option(
            "following",
            "follow no URL in which this regular expression is found; repeatable",
            "RE",
            example=["[?&]sort="],
        ),
    ] = ()
    max_url_length: Annotated[
        Count, option("following", "take a link with more characters for a trap", "N")
    ] = 2000
    max_repeats: Annotated[
        Count,
        option(
            "following",
            "take a link for a trap in which a part of path or query stands more often",
            "N",
        ),
    ] = 4
    max_per_host: Annotated[
        Count | None,
        option(
            "following",
            "follow no more links to a host once so many of its URLs are known (default: no limit)",
            "N",
            example=10_000,
        ),
    ] = None

    parse: Annotated[
        Literal["process", "thread", "inline", "none"],
        option("parsing", "where pages are parsed, inline being the thread that fetches", "NAME"),
    ] = "process"
    workers: Annotated[
        Workers | None,
        option(
            "parsing",
            "parse workers (default: one for each usable core)",
            "N",
            example=2,
        ),
    ] = None
    parse_timeout: Annotated[
        Seconds, option("parsing", "seconds the parsing of one page may take", "S")
    ] = 5.0
    parser: Annotated[
        Function | None,
        option(
            "parsing",
            "your own function: it is given each page and returns fields for the record",
            "MODULE:FUNCTION",
            example="shop:prices",
        ),
    ] = None
    extract: Annotated[
        Path | None,
        option(
            "parsing",
            "TOML file of fields and the CSS selectors that find them",
            "FILE",
            example="fields.toml",
        ),
    ] = None
    html: Annotated[bool, option("parsing", "keep the HTML in the record of a page")] = False

    out: Annotated[
        tuple[str, ...],
        option(
            "output",
            "write pages here, not into the run directory; the suffix picks the format, - is "
            "standard output; repeatable",
            "PATH",
            example=["pages.jsonl"],
        ),
    ] = ()
    json: Annotated[bool, option("output", "print the report as JSON")] = False
    quiet: Annotated[bool, option("output", "print no progress and no report")] = False

    log: Annotated[
        Literal["error", "warning", "info", "debug"] | None,
        option(
            "operation",
            "the least that is worth a log line (default: warning)",
            "LEVEL",
            example="info",
        ),
    ] = None
    log_file: Annotated[
        Path | None,
        option(
            "operation",
            "append the log to this file (default: standard error)",
            "FILE",
            example="crawl.log",
        ),
    ] = None
    log_json: Annotated[bool, option("operation", "write each log line as a JSON object")] = False
    metrics_port: Annotated[
        Port | None,
        option(
            "operation",
            "serve figures for Prometheus at http://127.0.0.1:N/metrics while the crawl runs; 0 "
            "picks a port",
            "N",
            example=9090,
        ),
    ] = None

    run: Annotated[
        Path | None,
        option(
            "run",
            "directory of this run, which must not exist yet (default: runs/<time>)",
            "DIR",
            example="runs/first",
        ),
    ] = None
    baseline: Annotated[
        Sample | None,
        option(
            "run",
            "fetch this many URLs one by one as well, to measure what concurrency was worth",
            "N",
            example=50,
        ),
    ] = None
    resume: Annotated[
        bool, option("run", "go on with the run in --run, as it was asked for when it began")
    ] = False
    seed: Annotated[
        Natural | None,
        option(
            "run",
            "makes a run repeatable: what is drawn at random, and by going from depth to depth "
            "also which depth a page has",
            "N",
            example=1,
        ),
    ] = None
    strict: Annotated[bool, option("run", "exit with 3 if any URL failed")] = False

    record: Annotated[
        Path | None,
        option(
            "archive",
            "keep every request and its answer in this WARC file, which must not exist yet",
            "FILE",
            example="run.warc.gz",
        ),
    ] = None
    replay: Annotated[
        Path | None,
        option(
            "archive",
            "ask no network but what this WARC file holds, as fast or slow as it was",
            "FILE",
            example="run.warc.gz",
        ),
    ] = None
    latency_scale: Annotated[
        Scale, option("archive", "what to multiply the recorded waits by, 0 for none", "X")
    ] = 1.0

    def __post_init__(self) -> None:
        for each in options():
            value = each.check(getattr(self, each.name), each.name)
            msgspec.structs.force_setattr(self, each.name, value)
        conflict = next(_conflicts(self), None)
        if conflict is not None:
            raise _ConflictError(conflict, {each.name: each.name for each in options()})

    @property
    def slots(self) -> int:
        """Requests in flight at the same time: ``concurrency``, or its default."""
        return self.concurrency or (1 if self.engine == "sequential" else 64)

    @property
    def line_order(self) -> Literal["input", "random", "slowest"]:
        """``order``, or its default."""
        return self.order or ("slowest" if self.history else "input")

    @property
    def in_levels(self) -> bool:
        """Whether a page waits until all that are fewer links from the input are done."""
        return self.follow and self.seed is not None

    @property
    def parse_workers(self) -> int:
        """``workers``, or the cores this process may use; 0 where the fetch thread parses."""
        if self.parse not in ("process", "thread"):
            return 0
        return self.workers or _usable_cores()

    def host_limit(self, *, own: bool) -> int | None:
        """Give the most requests in flight to one host, or None; ``own`` as below."""
        return self.per_host or (None if own else 4)

    def address_limit(self, *, own: bool) -> int | None:
        """Give the most requests in flight to one address, or None; ``own`` as below."""
        return self.per_address or (None if own else 16)

    def host_delay(self, *, own: bool) -> float:
        """Give the seconds between requests to one host.

        ``own``: it is mocked, or on loopback and the input names it.
        """
        if self.delay is not None:
            return self.delay
        return 0.0 if own else 0.25


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def options() -> tuple[Option, ...]:
    """Every option, in the order in which help and files show them."""
    return tuple(map(Option.of, msgspec.structs.fields(Settings)))


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
    holds: Callable[[Settings], bool]
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


_CHANGEABLE = frozenset(
    [
        "engine",
        "concurrency",
        "per_host",
        "per_address",
        "delay",
        "timeout",
        "retries",
        "workers",
        "max_pages",
        "run",
        "resume",
        "json",
        "quiet",
        "log",
        "log_file",
        "log_json",
        "metrics_port",
        "strict",
    ]
)
"""What may be asked for anew when a run goes on; the rest decides what the run's result is."""
_OF_SESSION = frozenset(["run", "resume", "json", "quiet"])
"""What belongs to one session of a run, and not to the run."""


def written(asked: Settings) -> dict[str, object]:
    """What the directory of a run keeps of ``asked``: nothing secret, files by their whole path."""
    found = {each.name: each.shown(getattr(asked, each.name)) for each in options()}
    found["sources"] = tuple(map(_kept, asked.sources))
    return {
        name: value
        for name, value in found.items()
        if value not in (None, ()) and name not in _OF_SESSION
    }


def _kept(source: str) -> str:
    if source == "-":
        return source
    if "://" not in source:
        return os.path.abspath(source)  # noqa: PTH100 - a path of the user's, links and all
    try:
        return canonical(source)
    except UrlError:
        return source.rpartition("@")[2]


def resumed(path: str | os.PathLike[str], flags: Mapping[str, object]) -> Settings:
    """What a run was asked for as its file at ``path`` says, with ``flags`` (by field name).

    Raises UsageError for a flag that would change the run's result, and for a secret that is
    needed again.
    """
    before = from_file(path, options())
    given = from_flags(flags, options())
    for each in options():
        if each.name in before and each.extra["secret"] and each.name not in given:
            raise UsageError(f"{each.flag} has to be given again: secrets are not written down")
    values = {name: each.value for name, each in {**before, **given}.items()}
    asked = Settings(**values)  # type: ignore[arg-type]
    kept = written(asked)
    for each in options():
        then = before[each.name].value if each.name in before else each.default
        if each.name in kept and each.name not in _CHANGEABLE and kept[each.name] != then:
            shown = "" if each.extra["secret"] else f", which has {then!r}"
            raise UsageError(f"{each.flag} cannot be changed when a run goes on{shown}")
    return asked


def _conflicts(asked: Settings) -> Iterator[str]:
    given = {each.name for each in options() if getattr(asked, each.name) != each.default}
    for rule in _RULES:
        if not rule.holds(asked):
            yield from (f"{{{name}}} {rule.says}" for name in rule.names if name in given)


class _ConflictError(UsageError):
    """Options exclude each other; ``template`` names them like ``{depth}``."""

    def __init__(self, template: str, spelled: Mapping[str, str]) -> None:
        super().__init__(template.format_map(spelled))
        self.template = template


def load(
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    config: str | os.PathLike[str] | None = None,
) -> Settings:
    """Settle what a TOML file, the environment and ``flags`` (by field name) ask for.

    Flags and variables may be texts; in a variable a list has one value a line, and an empty
    variable counts as none. Raises UsageError, which names the flag, the variable or the file and
    its key.
    """
    known = options()
    given = {
        **(from_file(config, known) if config is not None else {}),
        **from_environment(environ, known),
        **from_flags(flags, known),
    }
    try:
        return Settings(**{name: each.value for name, each in given.items()})  # type: ignore[arg-type]
    except _ConflictError as error:
        flagged = {each.name: each.flag for each in known}
        spelled = {name: each.spelled for name, each in given.items()}
        raise _ConflictError(error.template, {**flagged, **spelled}) from None
