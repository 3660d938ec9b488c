"""Options: as whom to ask, what to follow, and what to read in a page."""

from typing import Annotated, Literal

from crawler.settings.fetching import Fetching
from crawler.settings.option import option
from crawler.settings.types import Count, Function, Natural, Path, Seconds, Workers


class Pages(Fetching, frozen=True, kw_only=True):
    """And how pages are had and read."""

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
