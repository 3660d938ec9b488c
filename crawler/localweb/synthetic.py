"""A web generated from a seed: the same hosts, pages, links, sizes and delays every time.

Hosts are literal loopback addresses with one port, so that no name must be looked up. A page
depends only on seed, host and path, not on earlier requests.
"""

import gzip as gzip_codec
import random
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate, islice

from crawler.localweb.connection import Answer, Seen
from crawler.localweb.faults import STATUSES, Fault, answers
from crawler.model.errors import UsageError

_MAX_HOSTS = 65_534
_CHILDREN = 6
_SECTIONS = ("news", "guide", "people", "places", "notes", "history", "science", "recipes")
_LANGUAGES = ("en", "de", "fr", "es", "it")
_HREFS = ("{path}", "..{path}", "{path}#more", "http://{host}{path}", "//{host}{path}")
_PRIVATE_PAGES = 100
_MEDIAN, _LEAST, _MOST = 10_000, 2_000, 170_000
"""Characters of text in a page; markup and UTF-8 make up to a fifth more bytes of them."""
_SECTION = 3_000
_FAULT_SHARE = 0.06
_GZIP_SHARE = 0.25
_SITEMAP_URLS = 50_000
"""URLs that one sitemap may contain, at most (sitemaps.org, protocol 0.9)."""


FAULTS = (
    Fault.NOT_FOUND,
    Fault.GONE,
    Fault.SERVER_ERROR,
    Fault.BUSY,
    Fault.REDIRECT,
    Fault.REDIRECT_LOOP,
    Fault.TRUNCATED,
    Fault.SLOW,
    Fault.WRONG_CHARSET,
)
"""The possible faults of a page. The random choice depends on their order."""


class SyntheticWeb:
    """``pages`` pages in total, spread evenly over ``hosts`` hosts.

    The pages of a host are numbered level by level in a tree with "/" as its root. Each page links
    to its children, so all can be reached. ``latency`` is the median in seconds; it varies by host
    and page. With ``faults``, a few percent of the pages without children have a ``Fault``, and
    some are compressed if the client accepts it. Raises UsageError for impossible numbers.
    """

    def __init__(
        self,
        hosts: int,
        pages: int,
        seed: int = 1,
        latency: float = 0.05,
        faults: bool = False,
    ) -> None:
        if not 1 <= hosts <= _MAX_HOSTS:
            raise UsageError(f"a synthetic web must have 1 to {_MAX_HOSTS} hosts, not {hosts}")
        if pages < hosts:
            raise UsageError(f"{pages} pages are too few for {hosts} hosts: each needs one")
        self.addresses = tuple(f"127.10.{n >> 8}.{n & 255}" for n in range(1, hosts + 1))
        self._hosts = {address: host for host, address in enumerate(self.addresses)}
        self._pages, self._seed, self._faults = pages, seed, faults
        self._corpus = _Corpus(seed)
        self._latencies = [latency * self._random(n).lognormvariate(0, 0.3) for n in range(hosts)]

    def urls(self, port: int, host: int | None = None) -> list[str]:
        """URLs of all pages, or of those on host number ``host`` (from 0), with faulty ones."""
        hosts = len(self.addresses)
        numbers = range(self._pages) if host is None else range(host, self._pages, hosts)
        return [f"http://{self.addresses[n % hosts]}:{port}{_path(n // hosts)}" for n in numbers]

    def fault(self, host: str, path: str) -> Fault | None:
        """Return the fault of the page at ``path``, or None; ignores the query."""
        number = self._number(host)
        index = None if number is None else self._index(number, path.partition("?")[0])
        return None if number is None or index is None else self._fault(number, index)

    def page(self, host: str, path: str, gzip: bool = False) -> Answer:
        """Return the answer of ``host``, an address with or without port, to a GET of ``path``.

        ``gzip`` is whether the client accepts it. A page with ``Fault.BUSY`` is returned as if it
        had recovered. A host that is not of this web returns 421 (RFC 9110, 15.5.20).
        """
        number = self._number(host)
        if number is None:
            return Answer(421)
        path, _, query = path.partition("?")
        if special := self._special(number, host, path):
            return special
        index = self._index(number, path)
        if index is None:
            return self._status(number, 404)
        fault = self._fault(number, index)
        if fault in STATUSES:
            return self._status(number, STATUSES[fault])
        if fault in (Fault.REDIRECT, Fault.REDIRECT_LOOP):
            return self._redirect(number, index, fault, query)
        return self._document(number, index, host, fault, gzip)

    def _random(self, *what: object) -> random.Random:
        return random.Random("/".join(map(str, (self._seed, *what))))

    def _number(self, host: str) -> int | None:
        return self._hosts.get(host.partition(":")[0])

    def _count(self, number: int) -> int:
        return len(range(number, self._pages, len(self.addresses)))

    def _index(self, number: int, path: str) -> int | None:
        """The number of the page at ``path`` on its host, from 0 for "/"; None if there is none."""
        last = path.rpartition("/")[2] or "0"
        index = int(last) if last.isdecimal() and last.isascii() and len(last) < 10 else -1
        return index if 0 <= index < self._count(number) and _path(index) == path else None

    def _fault(self, number: int, index: int) -> Fault | None:
        if not (self._faults and index) or _first_child(index) < self._count(number):
            return None
        rng = self._random(number, index, "fault")
        return rng.choice(FAULTS) if rng.random() < _FAULT_SHARE else None

    def _special(self, number: int, host: str, path: str) -> Answer | None:
        latency = self._latencies[number]
        match path.split("/"):
            case ["", "robots.txt"]:
                text = f"User-agent: *\nDisallow: /private/\n\nSitemap: http://{host}/sitemap.xml\n"
                return _text(text, "text/plain", latency)
            case ["", "urls.txt"]:
                return _text("\n".join((*self.urls(_port(host)), "")), "text/plain", latency)
            case ["", "sitemap.xml"]:
                return _text(_sitemap(self.urls(_port(host), number)), "application/xml", latency)
            case ["", "private", _]:
                return _text("<!DOCTYPE html><title>Private</title>", "text/html", latency)
        return None

    def _status(self, number: int, status: int) -> Answer:
        page = _text(f"<!DOCTYPE html><title>{status}</title>", "text/html", 0.0)
        return Answer(status, page.headers, page.body, self._latencies[number])

    def _redirect(self, number: int, index: int, fault: Fault, query: str) -> Answer:
        if fault is Fault.REDIRECT_LOOP:
            target = _path(index) + ("" if query else "?again")
        else:
            target = _path((index - 1) // _CHILDREN)
        return Answer((301, 302)[index % 2], (("Location", target),), b"", self._latencies[number])

    def _document(
        self, number: int, index: int, host: str, fault: Fault | None, gzip: bool
    ) -> Answer:
        rng = self._random(number, index)
        latency = self._latencies[number] * rng.lognormvariate(0, 0.5)
        packed = self._faults and rng.random() < _GZIP_SHARE and gzip and fault is None
        body = self._html(rng, number, index, host).encode(
            "cp1252" if fault is Fault.WRONG_CHARSET else "utf-8"
        )
        headers = [("Content-Type", "text/html; charset=utf-8")]
        if packed:
            headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
            body = gzip_codec.compress(body, mtime=0)
        answer = Answer(200, tuple(headers), body, latency)
        if fault in (Fault.TRUNCATED, Fault.SLOW):
            return answers(fault, answer)[0]
        return answer

    def _html(self, rng: random.Random, number: int, index: int, host: str) -> str:
        size = min(_MOST, max(_LEAST, int(_MEDIAN * rng.lognormvariate(0, 0.9))))
        chunks = max(1, size // _SECTION)
        hrefs = [*self._tree(number, index), *self._stray(rng, number, host, 2 * chunks + 4)]
        title, summary, brand, *phrases = rng.choices(
            self._corpus.phrases, k=chunks + len(hrefs) + 3
        )
        links = [f'<li><a href="{href}">{phrases.pop()}</a></li>' for href in hrefs]
        share = -(-len(links) // (chunks + 1))
        nav, *lists = ("\n".join(links[n : n + share]) for n in range(0, len(links), share))
        lists += [""] * (chunks - len(lists))
        sections = "\n".join(
            f"<section>\n<h2>{phrase}</h2>\n{self._corpus.cut(rng, size // chunks)}"
            f"<ul>\n{some}\n</ul>\n</section>"
            for phrase, some in zip(phrases, lists, strict=True)
        )
        lang = _LANGUAGES[number % len(_LANGUAGES)]
        return (
            f'<!DOCTYPE html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
            f"<title>{title} &amp; {brand} – {index}</title>\n"
            f'<meta name="description" content="{summary} {brand}">\n'
            f'<link rel="canonical" href="http://{host}{_path(index)}">\n</head>\n<body>\n'
            f'<header><nav>\n<ul>\n<li><a href="/">{brand}</a></li>\n{nav}\n</ul>\n'
            f"</nav></header>\n<main><article>\n<h1>{title}</h1>\n{sections}\n"
            f"</article></main>\n<footer><p>{brand}</p></footer>\n</body>\n</html>\n"
        )

    def _tree(self, number: int, index: int) -> Iterator[str]:
        """Links to the parent and to all children."""
        if index:
            yield _path((index - 1) // _CHILDREN)
        first = _first_child(index)
        for child in range(first, min(first + _CHILDREN, self._count(number))):
            yield _path(child)

    def _stray(self, rng: random.Random, number: int, host: str, links: int) -> Iterator[str]:
        """Random links: mostly this host, some other hosts and paths that robots.txt forbids."""
        for _ in range(links):
            kind = rng.random()
            if kind < 0.03:
                yield f"/private/{rng.randrange(_PRIVATE_PAGES)}"
            elif kind < 0.13:
                other = rng.randrange(len(self.addresses))
                path = _path(rng.randrange(self._count(other)))
                yield f"http://{self.addresses[other]}:{_port(host)}{path}"
            else:
                path = _path(rng.randrange(self._count(number)))
                yield rng.choice(_HREFS).format(host=host, path=path)


class _Corpus:
    """Text for pages: paragraphs of invented words, some with non-ASCII letters."""

    _PARAGRAPHS = 500

    def __init__(self, seed: int) -> None:
        rng = random.Random(f"{seed}/corpus")
        syllables = [f"{onset}{vowel}" for onset in "bcdfglmnprstv" for vowel in "aaeeiioouuéü"]
        self._words = ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(2_000)]
        self.phrases = [self._some(rng, rng.randint(2, 5)) for _ in range(2_000)]
        paragraphs = [self._paragraph(rng) for _ in range(self._PARAGRAPHS)]
        self._starts = [0, *accumulate(map(len, paragraphs))]
        self._text = "".join(paragraphs)

    def cut(self, rng: random.Random, length: int) -> str:
        """Return whole paragraphs, about ``length`` characters in total."""
        start = self._starts[rng.randrange(bisect(self._starts, len(self._text) - length))]
        return self._text[start : self._starts[bisect(self._starts, start + length) - 1]]

    def _some(self, rng: random.Random, count: int) -> str:
        return " ".join(rng.choices(self._words, k=count)).capitalize()

    def _paragraph(self, rng: random.Random) -> str:
        words = min(200, 5 + int(rng.lognormvariate(4, 0.6)))
        return f"<p>{self._some(rng, words)}.</p>\n"


class SyntheticHandler:
    """Serves a ``SyntheticWeb``; remembers requested busy pages, and caches rendered pages.

    ``cache_bytes`` limits the cached bodies; it keeps those used last.
    """

    def __init__(self, web: SyntheticWeb, cache_bytes: int = 64 * 1024 * 1024) -> None:
        self._web = web
        self._room = cache_bytes
        self._cache: dict[tuple[str, str, bool], Answer] = {}
        self._recovered: set[tuple[str, str]] = set()

    def __call__(self, seen: Seen) -> Answer:
        page = (seen.host, seen.target)
        if self._web.fault(*page) is Fault.BUSY and page not in self._recovered:
            self._recovered.add(page)
            return Answer(503)
        return self._rendered((*page, "gzip" in seen.header("accept-encoding").lower()))

    def _rendered(self, key: tuple[str, str, bool]) -> Answer:
        answer = self._cache.pop(key, None)
        if answer is None:
            answer = self._web.page(*key)
            self._room -= len(answer.body)
        self._cache[key] = answer
        while self._room < 0:
            self._room += len(self._cache.pop(next(iter(self._cache))).body)
        return answer


def _first_child(index: int) -> int:
    return _CHILDREN * index + 1


def _path(index: int) -> str:
    return f"/{_SECTIONS[index % len(_SECTIONS)]}/{index}" if index else "/"


def _port(host: str) -> int:
    return int(host.partition(":")[2] or 80)


def _text(text: str, kind: str, latency: float) -> Answer:
    headers = (("Content-Type", f"{kind}; charset=utf-8"),)
    return Answer(200, headers, text.encode(), latency)


def _sitemap(urls: list[str]) -> str:
    places = "".join(f"<url><loc>{url}</loc></url>\n" for url in islice(urls, _SITEMAP_URLS))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{places}</urlset>\n'
    )
