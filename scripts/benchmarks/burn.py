"""Parsers that compute for a known time: given to the crawler with ``--parser``."""

import time

from crawler.parsing.document import Document

SHORT = 0.002
LONG = 0.020
"""CPU seconds of the thread."""


def short(_document: Document) -> None:
    _burn(SHORT)


def long(_document: Document) -> None:
    _burn(LONG)


def _burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
