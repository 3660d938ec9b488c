"""URLs of pages and lists, beside the URL tests of web-platform-tests."""

import json
from pathlib import Path
from typing import Any

import pytest

from crawler.model.urls import Joiner, UrlError, canonical

DATA = Path(__file__).parent.parent.parent / "data" / "urls"
WEB = ("http:", "https:")


def cases(name: str) -> list[Any]:
    rows = json.loads((DATA / f"{name}.json").read_text())
    assert isinstance(rows, list)
    return rows


def requested(url: str | None) -> str | None:
    """What is requested of ``url``: without login and fragment; None if it is not http or https."""
    if url is None or not url.startswith(WEB):
        return None
    scheme, _, rest = url.partition("#")[0].partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def found(text: str, base: str | None) -> str | None:
    if base is not None:
        return Joiner(base).join(text)
    try:
        return canonical(text)
    except UrlError:
        return None


_LABEL = "the standard of 2026 accepts an ASCII label that is not Punycode; no registry has one"
URLS = {
    "http://f:21/ b ? d # e ": "the fragment is removed first, and then white space at the end",
    **dict.fromkeys(
        [
            "http://a.b.c.xn--pokxncvks",
            "http://a.b.c.XN--pokxncvks",
            "http://a.b.c.Xn--pokxncvks",
            "http://10.0.0.xn--pokxncvks",
            "http://10.0.0.XN--pokxncvks",
            "http://10.0.0.xN--pokxncvks",
            "https://xn--/",
        ],
        _LABEL,
    ),
}
"""Where another URL is requested, or none, and why."""
_UNICODE = "can_ada has the mapping of UTS 46 for Unicode 15, the tests that of Unicode 16"
HOSTS = {
    **dict.fromkeys(
        ["xn--a", "xn--a.xn--zca", "xn--ls8h=", "xn--1ug.example", "xn--a-yoc", "xn--0.com"], _LABEL
    ),
    "xn--zn7c.com": _LABEL,
    **dict.fromkeys(["look\u180eout.net", "look\u206bout.net"], _UNICODE),
    **dict.fromkeys(["\u04c0.com", "\U0002f868.com", "\u2183.com"], _UNICODE),
    **dict.fromkeys(["\u1e9e.com", "\u1e9e.foo.com"], _UNICODE),
}
"""The same for host names."""

QUERIES = {("\x0eA", "iso-2022-jp"): "a query in ASCII is not encoded again, in any encoding"}
"""The same for queries in an encoding."""


def test_urls_are_those_of_the_standard() -> None:
    """Each URL beside the base that it has there, if the base is of the web."""
    read = [row for row in cases("urls") if row[1] is None or row[1].startswith(WEB)]
    assert len(read) > 700
    different = {text for text, base, url in read if found(text, base) != requested(url)}
    assert different == set(URLS)


def test_host_names_are_those_of_the_standard() -> None:
    read = cases("hosts")
    assert len(read) > 80
    different = {
        text
        for text, host in read
        if found(f"https://{text}/x", None) != (f"https://{host}/x" if host else None)
    }
    assert different == set(HOSTS)


@pytest.mark.promise("P82")
def test_queries_are_those_of_the_standard() -> None:
    different = {
        (text, encoding)
        for text, queries in cases("queries")
        for encoding, query in queries.items()
        if Joiner("http://h/", encoding).join(f"?{text}") != f"http://h/?{query}"
    }
    assert different == set(QUERIES)
