"""A parser that computes for a known time: given to the crawler with ``--parser``."""

import time

from crawler.parsing.document import Document

LONG = 0.020
"""CPU seconds of the thread."""


def long(_document: Document) -> None:
    end = time.thread_time() + LONG
    while time.thread_time() < end:
        pass
