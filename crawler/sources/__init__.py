"""Where URLs come from: arguments, lists, tables, sitemaps, standard input, any iterable.

A thread reads all of them lazily, so memory does not grow with the input.
"""

from crawler.sources.arguments import lines, standard_input
from crawler.sources.input_copy import InputCopy, read_copy
from crawler.sources.input_line import InputLine, parse
from crawler.sources.order import Order, ordered
from crawler.sources.reader import AHEAD, BATCH, Source, SourceReader
from crawler.sources.sitemap_cache import SitemapCache
from crawler.sources.sitemaps import Fetch
from crawler.sources.unchanged import check_unchanged, fingerprint

__all__ = [
    "AHEAD",
    "BATCH",
    "Fetch",
    "InputCopy",
    "InputLine",
    "Order",
    "SitemapCache",
    "Source",
    "SourceReader",
    "check_unchanged",
    "fingerprint",
    "lines",
    "ordered",
    "parse",
    "read_copy",
    "standard_input",
]
