"""Where URLs come from: arguments, lists, tables, sitemaps, standard input, any iterable.

A thread reads all of them lazily, so memory does not grow with the input.
"""

from crawler.sources.arguments import OpenStream, lines, standard_input
from crawler.sources.input_copy import CutInputError, InputCopy, Pipe, read_copy, read_part
from crawler.sources.input_line import InputLine, parse
from crawler.sources.order import Order, ordered
from crawler.sources.reader import AHEAD, BATCH, SourceReader
from crawler.sources.sitemap_cache import SitemapCache
from crawler.sources.sitemaps import Fetch
from crawler.sources.unchanged import PIPE, STDIN, check_unchanged, digest, fingerprint

__all__ = [
    "AHEAD",
    "BATCH",
    "PIPE",
    "STDIN",
    "CutInputError",
    "Fetch",
    "InputCopy",
    "InputLine",
    "OpenStream",
    "Order",
    "Pipe",
    "SitemapCache",
    "SourceReader",
    "check_unchanged",
    "digest",
    "fingerprint",
    "lines",
    "ordered",
    "parse",
    "read_copy",
    "read_part",
    "standard_input",
]
