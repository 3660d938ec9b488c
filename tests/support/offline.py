"""``python -m support.offline crawler …`` or ``… FILE``: the program, or a script, without network.

Every host name is there, and has the same few pages. The hosts of ``crawler site`` are there, too.
"""

import os
import runpy
import sys

from crawler.__main__ import main as crawler
from crawler.testing import Answer, MockWeb, Seen, SyntheticHandler, SyntheticWeb

_SITE = SyntheticWeb(8, 1000, latency=0.005)
_SYNTHETIC = SyntheticHandler(_SITE)
_PATHS = ("/", "/tea", "/cups", "/docs/", "/docs/install")
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<title>Page {path}</title>
<meta name="description" content="Made up">
<h1>Page {path}</h1>
<span class="price">12.50</span>
<img class="photo" src="/photo.jpg">
{links}
"""
_LIST = """\
<!DOCTYPE html>
<title>Price list</title>
<meta property="og:site_name" content="Tea House">
<div class="product" id="g1"><a href="/green"><h2>Green</h2></a>
<b class="price">1.299,50 €</b></div>
<div class="product" id="b2"><a href="/black"><h2>Black</h2></a><b class="price">4,20 €</b></div>
"""


def answer(seen: Seen) -> Answer:
    """Answer for whatever host was asked."""
    path = seen.target.partition("?")[0]
    if seen.host.partition(":")[0] in _SITE.addresses:
        return _SYNTHETIC(seen)
    if path == "/sitemap.xml":
        urls = "".join(f"<url><loc>https://{seen.host}{each}</loc></url>" for each in _PATHS)
        return _answer("application/xml", f"<urlset>{urls}</urlset>")
    if path == "/list":
        return _answer("text/html; charset=utf-8", _LIST)
    if path not in _PATHS:
        return Answer(404)
    links = "\n".join(f'<a href="{each}">{each}</a>' for each in _PATHS)
    return _answer("text/html; charset=utf-8", _PAGE.format(path=path, links=links))


def _answer(content_type: str, text: str) -> Answer:
    return Answer(headers=(("Content-Type", content_type),), body=text.encode())


def main(arguments: list[str]) -> int:
    """Run it with ``arguments``, the first being its name; returns the exit code."""
    sys.argv = arguments
    use_one_core()
    with MockWeb(answer):
        if arguments[0] == "crawler":
            return crawler()
        runpy.run_path(arguments[0], run_name="__main__")
    return 0


def use_one_core() -> None:
    """So there is one parse process: to start more takes longer than to parse these few pages."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
