"""Options: what to fetch, by which library, and with what manners."""

from typing import Annotated, Literal

import msgspec

from crawler.engines.names import AUTO, ENGINES, PLUGINS
from crawler.model.version import __version__
from crawler.settings.option import option
from crawler.settings.types import (
    HeaderText,
    Name,
    Path,
    Pause,
    Rate,
    Seconds,
    Size,
    SlotCount,
    Tries,
)


class Fetching(msgspec.Struct, frozen=True, kw_only=True):
    """Where URLs come from, and how they are asked for."""

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
        SlotCount | None,
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
        SlotCount | None,
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
        SlotCount | None,
        option(
            "politeness",
            "requests in flight to one IP address, all its hosts together (default: 16; no limit "
            "for a loopback host that the input names)",
            "N",
            example=16,
        ),
    ] = None
