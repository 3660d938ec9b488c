"""What was asked for: one frozen record, the only place where an option is described.

The flags of ``crawler crawl``, the variables ``CRAWLER_<NAME>``, the keys of a TOML file and
``config/default.toml`` all follow from the fields of ``Settings``. Where several of them name an
option, the stronger wins: defaults < file < environment < flags; a list is replaced, not extended.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from crawler.errors import UsageError
from crawler.options import Option, from_environment, from_file, from_flags, option
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
Path = Annotated[str, Meta(min_length=1)]
Function = Annotated[str, Meta(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*\Z")]
# Printable ASCII, so that nothing in it can end the header line.
HeaderText = Annotated[str, Meta(pattern=r"^[!-~][ -~]*\Z")]

ENGINES = ("curl", "aiohttp", "tornado", "threads", "sequential")
AUTO = "auto"
PLUGINS = "crawler.engines"
"""The group of the entry points by which other packages bring engines."""


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
            "a URL, a file of URLs (one a line, # comments), or - for standard input",
            "SOURCE",
            example=["urls.txt"],
        ),
    ] = ()

    engine: Annotated[
        str,
        option(
            "fetching",
            "the library that fetches, see `crawler engines`",
            "NAME",
            choices=(*ENGINES, AUTO),
            plugins=PLUGINS,
        ),
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
    seed: Annotated[
        Natural | None,
        option("run", "makes what is drawn at random repeatable", "N", example=1),
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
    def parse_workers(self) -> int:
        """``workers``, or the cores this process may use; 0 where the fetch thread parses."""
        if self.parse not in ("process", "thread"):
            return 0
        return self.workers or _usable_cores()

    @property
    def first_workers(self) -> int:
        """Parse workers to begin with; with ``auto`` others come when there is work for them."""
        most = self.parse_workers
        return min(1, most) if self.engine == AUTO and self.workers is None else most

    def host_limit(self, *, own: bool) -> int | None:
        """Give the most requests in flight to one host, or None; ``own`` as below."""
        return self.per_host or (None if own else 4)

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
    _Rule(("latency_scale",), lambda asked: asked.replay is not None, "needs {replay}"),
    _Rule(
        ("http2",),
        lambda asked: asked.replay is None,
        "cannot go with {replay}: that speaks HTTP/1.1 only",
    ),
    _Rule(("depth", "scope", "include", "exclude"), lambda asked: asked.follow, "needs {follow}"),
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
    _Rule(
        ("sources",),
        lambda asked: asked.sources.count("-") < 2,
        "names - twice, but standard input can be read only once",
    ),
)


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
