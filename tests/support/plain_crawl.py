"""A breadth-first crawl on the standard library alone: a second opinion about what a site has."""

import re
from html.parser import HTMLParser
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import quote, urldefrag, urljoin, urlsplit

_REFRESH = re.compile(r"""\s*[\d.]+\s*[;,]?\s*(?:url\s*=\s*)?["']?([^"']*)""", re.IGNORECASE)
_MARKED = "%!$&'()*+,-./:;=?@[]_|~"
_URL_OF = {"a": "href", "area": "href", "frame": "src", "iframe": "src"}
_RAW = {"noframes", "template", "title"}


class Site(NamedTuple):
    """URLs that returned a page, and those that returned something else, with the last status."""

    pages: set[str]
    failures: dict[str, int]


def crawl(start: str, scope: str) -> Site:
    """Fetch, one by one, all below the URL ``scope`` that can be reached from ``start``."""
    seen, waiting = {start}, [start]
    site = Site(set(), {})
    connection = HTTPConnection(urlsplit(start).netloc)
    for url in waiting:  # it grows
        final, status, html = _fetch(connection, url)
        if status == 200:
            site.pages.add(url)
        else:
            site.failures[url] = status
        for link in _links(html, final):
            if link not in seen and link.startswith(scope):
                seen.add(link)
                waiting.append(link)
    connection.close()
    return site


def _fetch(connection: HTTPConnection, url: str) -> tuple[str, int, bytes]:
    """The final URL, its status, and the body of a page in HTML."""
    while True:
        connection.request("GET", "/" + url.split("/", 3)[3])
        answer = connection.getresponse()
        body, kind = answer.read(), answer.headers["Content-Type"] or ""
        if answer.status != 301:
            is_page = answer.status == 200 and kind.startswith("text/html")
            return url, answer.status, body if is_page else b""
        url = urljoin(url, answer.headers["Location"])


def _links(html: bytes, url: str) -> list[str]:
    page = _Page()
    page.feed(_text(html))
    page.close()
    base = urljoin(url, _trim(page.base or ""))
    resolved = [urldefrag(urljoin(base, _trim(link))).url for link in page.links]
    return [quote(link, safe=_MARKED) for link in resolved if link.startswith("http:")]


def _trim(link: str) -> str:
    """What the standard library does not know of the URL Standard."""
    return link.strip().replace("\n", "").replace("\t", "").replace("\\", "/")


def _text(html: bytes) -> str:
    """In another encoding than UTF-8 the links are ASCII, or the crawl would differ."""
    try:
        return html.decode()
    except UnicodeDecodeError:
        return html.decode("ascii", "replace")


class _Page(HTMLParser):
    """The links of a page, its frames and refreshes, and its base."""

    def __init__(self) -> None:
        super().__init__()
        self.base: str | None = None
        self.links: list[str] = []
        self._raw = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in reversed(attrs)}
        if tag in _RAW:
            self._raw += 1
        elif self._raw:
            return
        elif tag == "base" and self.base is None:
            self.base = found.get("href")
        elif tag == "meta" and found.get("http-equiv", "").lower() == "refresh":
            self.links += _REFRESH.findall(found.get("content", ""))[:1]
        elif _URL_OF.get(tag) in found:
            self.links.append(found[_URL_OF[tag]])

    def handle_endtag(self, tag: str) -> None:
        if tag in _RAW and self._raw:
            self._raw -= 1
