"""The keywords of ``Settings`` and ``crawler.crawl``, for type checkers.

Settings declares each option once, in the type in which it is stored. Here is what its value may
be when it is given. A test compares the two.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from os import PathLike
from typing import Literal, TypedDict

from crawler.engines.base import EngineChoice
from crawler.parsing.custom import ParserFunction
from crawler.sinks.base import Sink

Place = str | PathLike[str]
Output = str | PathLike[str] | Sink
Texts = str | Sequence[str]
SizeText = int | str


class CrawlKeywords(TypedDict, total=False):
    """All options but the sources: ``crawler.crawl`` takes its URLs from its first argument."""

    column: str | None
    delimiter: str | None
    order: Literal["input", "random", "slowest"] | None
    history: Place | None
    engine: EngineChoice
    concurrency: int | None
    timeout: float
    retries: int
    patience: float | None
    max_bytes: SizeText
    memory: SizeText
    http2: bool
    retry: Texts
    strip_param: Texts
    per_host: int | None
    delay: float | None
    rate: float | None
    robots: bool
    user_agent: str
    allow_private: Texts
    per_address: int | None
    header: Texts
    auth: Texts
    cookies: bool
    proxy: str | None
    insecure: Texts
    follow: bool
    depth: int | None
    max_pages: int | None
    scope: Literal["host", "domain", "prefix", "any"]
    include: Texts
    exclude: Texts
    max_url_length: int
    max_repeats: int
    max_per_host: int | None
    parse: Literal["process", "loky", "thread", "inline", "none"] | Executor
    workers: int | None
    parse_timeout: float
    parser: str | ParserFunction | None
    extract: Place | None
    cache: Place | None
    cache_size: SizeText | None
    html: bool
    out: Output | Sequence[Output]
    overwrite: bool
    json: bool
    quiet: bool
    log: Literal["error", "warning", "info", "debug"] | None
    log_file: Place | None
    log_json: bool
    metrics_port: int | None
    run: Place | None
    baseline: int | None
    resume: bool
    again: Texts
    seed: int | None
    strict: bool
    on: str | Executor | None
    slots: int | None
    shards: int | None
    slice: float
    record: Place | None
    replay: Place | None
    latency_scale: float


class SettingsKeywords(CrawlKeywords, total=False):
    """All options."""

    sources: Place | Sequence[Place]
