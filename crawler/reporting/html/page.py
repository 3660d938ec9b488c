"""One HTML file that needs no other file, and that is not allowed to load any."""

import base64
import hashlib
import zlib
from collections.abc import Sequence
from importlib.resources import files

from crawler.model.version import __version__
from crawler.reporting.html.elements import Markup, element, join

_STYLE = "report.css"
_STRICT = '"use strict";'
_GZIP = 16 + zlib.MAX_WBITS
_LEVEL = 5
"""Compression level: takes a third of the time of the highest, for files 5 % larger."""


def page(title: str, content: Sequence[str], scripts: Sequence[str], data: bytes) -> str:
    """The HTML text of a report.

    ``scripts`` are names of files in ``static/``, run in this order. ``data`` is JSON for them; it
    is embedded as gzip in base64, which contains no character with a meaning in HTML.
    """
    style = static(_STYLE)
    script = Markup("\n".join([_STRICT, *map(static, scripts)]))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy(style, script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content=f"crawler {__version__}"),
        element("title", title),
        element("style", style),
    )
    parts = [element("main", *content)]
    if scripts:
        parts.append(element("script", packed(data), type="application/gzip", id="data"))
        parts.append(element("script", script))
    body = element("body", *parts)
    return join([Markup("<!doctype html>\n"), element("html", head, body, lang="en")])


def static(name: str) -> Markup:
    """The text of a file in ``static/``, to be put into a page unchanged."""
    return Markup(files(__package__).joinpath("static", name).read_text("utf-8"))


def policy(style: str, script: str) -> str:
    """Content-Security-Policy: load nothing, use only these two texts (CSP 3, section 2.3.1)."""
    allowed = f"script-src {_hash(script)}; style-src {_hash(style)}"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def packed(data: bytes) -> str:
    """``data`` as gzip in base64; equal data always has the same result."""
    compressor = zlib.compressobj(_LEVEL, wbits=_GZIP)
    return base64.b64encode(compressor.compress(data) + compressor.flush()).decode()
