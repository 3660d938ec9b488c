"""Parses one page: all steps in a worker, from job and body to ``Parsed``."""

from collections.abc import Container
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
from selectolax.lexbor import SelectolaxError

from crawler.model.content_coding import decode_body
from crawler.model.errors import FailureKind, FetchError
from crawler.model.pages import Link, Page, PageFields, row_of
from crawler.model.urls import key
from crawler.parsing.custom import CustomParser, merged
from crawler.parsing.document import Document
from crawler.parsing.facts import MAX_LINK_BYTES, FactsReader, PageFacts, read_refresh
from crawler.parsing.findings import Findings
from crawler.parsing.job import Job, Parsed, ParseOptions
from crawler.parsing.robots_directives import forbids_following

if TYPE_CHECKING:
    from crawler.parsing.extract.extractor import Extractor
    from crawler.parsing.result_cache import ResultCache

LINKS_REMEMBERED = 20_000
"""Number of links whose checks each worker caches (some 10 MB)."""
Links = tuple[Link, ...]
TrappedLinks = tuple[tuple[Link, str], ...]


class PageParser:
    """Parses pages; created once per worker. Raises UsageError for a bad ``options.parser``."""

    def __init__(self, options: ParseOptions, reported: Container[int] = frozenset()) -> None:
        """Links with a key in ``reported``, which may grow, need not be returned again."""
        self._options = options
        self._reported = reported
        self._reader = FactsReader()
        self._custom = CustomParser(options.parser) if options.parser else None
        self._extractor = _extractor(options)
        self._cache = _cache(options)
        # The pages of a site have most of their links in common.
        self._judged = lru_cache(maxsize=LINKS_REMEMBERED)(self._judge)

    def parse(self, job: Job, body: bytes | memoryview) -> Parsed:
        """Parse one page. Raises FetchError of kind ``decode``, ``too_large`` or ``parse``."""
        data = decode_body(body, job.content_encoding, self._options.max_bytes)
        document = Document(job, data)
        is_read = self._options.read and document.is_html
        digest = sha256(data)
        findings, is_cached = self._read(job, document, digest.digest(), is_read)
        facts = findings.facts
        # Every entry has its seed: a long seed must not make a large state of a small page.
        most = MAX_LINK_BYTES // len(job.seed)
        follow, trapped, filtered = self._sort(job, facts, most)
        page = self._page(job, document, digest.hexdigest(), findings)
        if not (follow or trapped):
            return Parsed(page, (), filtered, (), facts.cut, is_cached)
        beyond = max(0, len(follow) - most) + max(0, len(trapped) - most)
        cut = facts.cut + beyond
        return Parsed(page, follow[:most], filtered, trapped[:most], cut, is_cached)

    def flush(self) -> str:
        """Write new results to the cache; returns why it is not used from now on, else no text."""
        return self._cache.flush() if self._cache else ""

    def _read(
        self, job: Job, document: Document, digest: bytes, is_read: bool
    ) -> tuple[Findings, bool]:
        """What the document says, and whether the cache knew it."""
        cache = self._cache if is_read else None
        if cache is None:
            return self._computed(job, document, is_read), False
        key = cache.key(digest, job)
        found = cache.find(key)
        if found is not None:
            return found, True
        findings = self._computed(job, document, is_read)
        cache.keep(key, findings)
        return findings, False

    def _computed(self, job: Job, document: Document, is_read: bool) -> Findings:
        try:
            facts = self._facts(job, document, is_read)
            fields = self._fields(document)
        except SelectolaxError as error:
            raise FetchError(FailureKind.PARSE, f"HTML parser: {error}") from error
        return Findings(facts, document.encoding if is_read else None, fields)

    def _facts(self, job: Job, document: Document, is_read: bool) -> PageFacts:
        if is_read:
            names, encoding = self._options.names, document.encoding
            return self._reader.read(document.tree, job.final_url, names, encoding, job.refresh)
        if job.refresh is None or not self._options.read:
            return PageFacts()
        return read_refresh(job.final_url, job.refresh)

    def _page(self, job: Job, document: Document, digest: str, findings: Findings) -> Page:
        facts, is_read = findings.facts, findings.encoding is not None
        return Page(
            url=job.url,
            final_url=job.final_url,
            status=job.status,
            content_type=_printable(job.content_type),
            fetched_at=job.fetched_at,
            elapsed_ms=job.elapsed_ms,
            bytes=len(document.body),
            digest=digest,
            depth=job.depth,
            encoding=findings.encoding,
            title=facts.title,
            description=facts.description,
            lang=facts.lang,
            canonical=facts.canonical,
            links=facts.links,
            fields=findings.fields,
            html=document.text if is_read and self._options.html else msgspec.UNSET,
            input=row_of(job.row),
        )

    def _fields(self, document: Document) -> PageFields | None:
        """Extracted fields, overridden by those of the user's function; None without either."""
        found = self._extractor.fields(document) if self._extractor else None
        own = self._custom.fields(document) if self._custom else None
        return own if found is None else found if own is None else merged(found, own)

    def _sort(self, job: Job, facts: PageFacts, most: int) -> tuple[Links, TrappedLinks, int]:
        """The links to follow, the links that are traps, and the number of filtered links.

        Links are unique by key; of equal links the last spelling is kept. Reported links are left
        out, but not if there may be more than ``most``: then they count, too.
        """
        options = self._options
        if not options.follow or (options.robots and self._is_nofollow(job, facts)):
            return (), (), 0
        urls = dict.fromkeys((*facts.links, *facts.ways)) if facts.ways else facts.links
        if options.max_depth is not None and job.depth >= options.max_depth:
            return (), (), len(urls)
        seed, judged = job.seed, self._judged
        allowed = [each for url in urls if (each := judged(seed, url)) is not None]
        reported = self._reported if len(allowed) <= most else frozenset()
        unique = {each[0].key: each for each in allowed if each[0].key not in reported}.values()
        follow = tuple([link for link, why in unique if why is None])
        trapped = tuple([(link, why) for link, why in unique if why is not None])
        return follow, trapped, len(urls) - len(allowed)

    def _is_nofollow(self, job: Job, facts: PageFacts) -> bool:
        return facts.nofollow or forbids_following(job.robots, self._options.names)

    def _judge(self, seed: str, url: str) -> tuple[Link, str | None] | None:
        """The link and, if it is a trap, the reason; None for a link that is out of scope."""
        options = self._options
        url = options.strip.apply(url)
        if not options.scope.allows(seed, url):
            return None
        return Link(url, key(url)), options.traps.reason(url)


def _extractor(options: ParseOptions) -> "Extractor | None":
    if options.extract is None:
        return None
    from crawler.parsing.extract.extractor import Extractor  # few crawls need it

    return Extractor(options.extract)


def _cache(options: ParseOptions) -> "ResultCache | None":
    """Nothing is known of what a user's function depends on, so its results are not kept."""
    if options.cache is None or options.parser is not None:
        return None
    from crawler.parsing.result_cache import ResultCache  # few crawls need SQLite here

    return ResultCache(options.cache, options)


def _printable(value: str | None) -> str | None:
    """A header value without control characters: each becomes a space (RFC 9110, 5.5)."""
    if value is None or value.isprintable():
        return value
    return "".join([character if character.isprintable() else " " for character in value])
