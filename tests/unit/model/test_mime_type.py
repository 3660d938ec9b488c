"""MIME types: what a Content-Type names, and what a body is without one."""

import json
import re
import time
from pathlib import Path

import pytest

from crawler.model.mime_type import MimeType, from_header, kind, parse
from crawler.model.text import Kind

DATA = Path(__file__).parents[2] / "data" / "mime-types"
TYPES = json.loads((DATA / "mime-types.json").read_text())
HEADERS = json.loads((DATA / "content-types.json").read_text())
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")


def text_of(found: MimeType | None) -> str | None:
    """``found`` as the standard writes it (MIME Sniffing Standard, 4.5)."""
    if found is None:
        return None
    return found.essence + "".join(
        f";{name}={value if TOKEN.match(value) else quoted(value)}"
        for name, value in found.parameters.items()
    )


def quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.mark.promise("P87")
@pytest.mark.parametrize("case", TYPES, ids=lambda case: case["input"][:30])
def test_types_are_parsed_as_by_browsers(case: dict[str, str]) -> None:
    assert text_of(parse(case["input"])) == case["output"]


@pytest.mark.promise("P87")
@pytest.mark.parametrize("case", HEADERS, ids=lambda case: str(case["input"]))
def test_the_last_valid_header_holds(case: dict[str, str]) -> None:
    assert text_of(from_header(", ".join(case["input"]))) == case["mimeType"]


NONE = [
    ("", "no header"),
    ("html", "no subtype"),
    ("text", "no subtype"),
    ("text/", "no subtype"),
    ("/html", "no type"),
    ("text/html charset=utf-8", "a space in the subtype"),
    ("text/html:charset=utf-8", "a colon in the subtype"),
    ("charset=utf-8", "only a parameter"),
    ("; charset=utf-8", "only a parameter"),
    ("{mime}", "a template"),
    ("(null)", "a template"),
    ("*/*", "MIME Sniffing 7, step 2"),
    ("*/*; charset=utf-8", "MIME Sniffing 7, step 2"),
    ("unknown/unknown", "MIME Sniffing 7, step 2"),
    ("Application/Unknown ; x=y", "MIME Sniffing 7, step 2"),
    ("application/unknown, */*, nonsense", "Fetch: extract a MIME type"),
]


@pytest.mark.promise("P87")
@pytest.mark.parametrize(("header", "why"), NONE)
def test_headers_that_name_no_type(header: str, why: str) -> None:
    assert kind(from_header(header), b"<html>") is Kind.HTML, why
    assert kind(from_header(header), b"<?xml version='1.0'?><x/>") is Kind.XML, why
    assert kind(from_header(header), b"html") is Kind.PLAIN, why


HTML = [
    ("<html>", True),
    ("<HTML lang=de>", True),
    (" \t\r\n\f<!DOCTYPE html>", True),
    ("<!doctype HTML public>", True),
    ("<!-- note --><p>", True),
    ("<!---->", True),
    *[
        (f"<{tag}>", True)
        for tag in ["head", "script", "iframe", "h1", "div", "font", "table", "a"]
    ],
    *[(f"<{tag} x>", True) for tag in ["style", "title", "b", "body", "br", "p", "meta"]],
    # As Chromium 156 does; the standard has no line ends here.
    ("<body\nclass=x>", True),
    ("\ufeff<html>", True),  # a byte order mark is no part of the text
    ("<abc>", False),  # no tag of the list
    ("<pre>", False),
    ("<html5>", False),
    ("<a", False),  # no byte that ends the tag
    ("text <html>", False),
    ("\0<html>", False),
    ("%PDF-1.7 <html>", False),
    ("%!PS-Adobe- <html>", False),
    ("GIF89a<html>", False),
    ("PK\x03\x04<html>", False),
    ("\x1f\x8b\x08<html>", False),
    ("<?xml version='1.0'?><rss/>", False),
    ("", False),
]
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
XML = [
    (f"<html {XHTML}>", True),
    (f"<?xml version='1.0'?>\n<!-- x --><html lang='de' {XHTML}>", True),
    (f"\ufeff<?xml version='1.0'?><?x y?><!DOCTYPE html PUBLIC '-//W3C'><html {XHTML}>", True),
    (f"<!DOCTYPE html [<!ENTITY x 'y'>]><html\n{XHTML.replace(chr(34), chr(39))}>", True),
    ("<html>", False),  # no namespace: not XHTML
    (f"<rss><html {XHTML}></rss>", False),
    (f"<!-- <html {XHTML}> --><feed>", False),
    ("<urlset/>", False),
]


@pytest.mark.promise("P87")
@pytest.mark.parametrize("header", ["", "*/*", "unknown/unknown", "html"])
@pytest.mark.parametrize(("body", "expected"), HTML)
def test_without_a_type_the_body_decides(header: str, body: str, expected: bool) -> None:
    assert (kind(from_header(header), body.encode()) is Kind.HTML) is expected


@pytest.mark.promise("P87")
@pytest.mark.parametrize("header", ["text/xml", "Application/XML;x=y", "application/x+xml"])
@pytest.mark.parametrize(("body", "expected"), XML)
def test_xml_is_a_page_if_its_root_is_xhtml(header: str, body: str, expected: bool) -> None:
    assert (kind(from_header(header), body.encode()) is Kind.HTML) is expected


@pytest.mark.promise("P87")
@pytest.mark.parametrize("header", ["text/plain", "image/png", "application/octet-stream", "x/y"])
def test_a_valid_type_is_believed(header: str) -> None:
    assert kind(from_header(header), b"<!DOCTYPE html><html>") is Kind.PLAIN


@pytest.mark.promise("P87")
@pytest.mark.parametrize(
    "header",
    [
        *['"' * 60_000, '"\\' * 30_000, ";" * 60_000, 'a/b;x="' * 9_000, "," * 60_000],
        *["a/b, " * 12_000, "a/b" + " " * 60_000 + "x", "a/b;" + "x=" * 30_000, "a" * 60_000],
    ],
)
def test_a_hostile_header_takes_little_time(header: str) -> None:
    began = time.thread_time()
    from_header(header)
    assert time.thread_time() - began < 0.1


@pytest.mark.promise("P87")
@pytest.mark.parametrize("piece", ["<!--", "<?xml", "<html ", "<html xmlns=", "<!DOCTYPE", "<!["])
def test_a_hostile_prolog_takes_little_time(piece: str) -> None:
    began = time.thread_time()
    kind(from_header("text/xml"), piece.encode() * 100_000)
    assert time.thread_time() - began < 0.1
