"""Content types that say nothing, or say it twice."""

import pytest
from e2e.promises.conftest import Crawled

from crawler.testing import Answer, MockWeb

HTML = b"<!DOCTYPE html><title>title</title><a href=/next>"
XHTML = (
    b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><title>title</title></html>'
)
CASES: dict[str, tuple[list[str], bytes, bool]] = {
    # name: values of the header, body, whether it is read as HTML
    "none": ([], HTML, True),
    "any": (["*/*"], HTML, True),
    "unknown": (["application/unknown; charset=utf-8"], HTML, True),
    "broken": (["html"], HTML, True),
    "broken-pdf": (["html"], b"%PDF-1.7 <html>", False),
    "any-png": (["*/*"], b"\x89PNG\r\n\x1a\n<html>", False),
    "upper": (["TEXT/HTML;CHARSET=UTF-8"], HTML, True),
    "last": (["text/plain", "text/html"], HTML, True),
    "last-plain": (["text/html", "text/plain"], HTML, False),
    "last-valid": (["text/html", "*/*", "nonsense"], HTML, True),
    "joined": (["text/plain,text/html;x=','"], HTML, True),
    "plain": (["text/plain"], HTML, False),
    "xml": (["text/xml"], XHTML, True),
    "rss": (["text/xml"], b"<rss><title>x</title></rss>", False),
}
CHARSETS: dict[str, tuple[list[str], str]] = {
    "carried": (["text/html;charset=koi8-r", "text/html"], "koi8-r"),
    "quoted": (['text/html; x="; charset=utf-8"; charset="koi8-r"'], "koi8-r"),
    "second": (["text/html;charset=koi8-r;charset=utf-8"], "koi8-r"),
    "other": (["text/plain;charset=koi8-r", "text/html"], "utf-8"),
}


def web(mock_web: MockWeb, name: str, types: list[str], body: bytes) -> str:
    url = f"http://{name}.example/"
    headers = tuple(("Content-Type", value) for value in types)
    mock_web.answer(url, Answer(headers=headers, body=body))
    return url


@pytest.mark.promise("P87")
def test_the_content_type_is_read_as_by_browsers(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    urls = {web(mock_web, name, *case[:2]): name for name, case in CASES.items()}
    pages = crawled(urls, engine=engine, parse="inline").pages
    assert {name: pages[url]["title"] == "title" for url, name in urls.items()} == {
        name: is_html for name, (_, _, is_html) in CASES.items()
    }
    # The record has what was sent.
    assert {name: pages[url]["content_type"] for url, name in urls.items()} == {
        name: ", ".join(types) or None for name, (types, _, _) in CASES.items()
    }


@pytest.mark.promise("P87")
def test_the_charset_is_read_as_by_browsers(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    body = b"<title>title</title>"
    urls = {web(mock_web, name, case[0], body): name for name, case in CHARSETS.items()}
    pages = crawled(urls, engine=engine, parse="inline").pages
    assert {name: pages[url]["encoding"] for url, name in urls.items()} == {
        name: charset for name, (_, charset) in CHARSETS.items()
    }
