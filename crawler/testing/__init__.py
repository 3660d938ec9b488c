"""Servers to crawl without leaving the machine: one that says what a test tells it, and a web.

``crawler.testing.site`` runs the web as a program of its own, so it is not imported from here.
"""

from crawler.testing.server import (
    CLOSE,
    CUT,
    RESET,
    SILENCE,
    Answer,
    Ending,
    Handler,
    Seen,
    Server,
    Step,
    serve,
)
from crawler.testing.synthetic import Fault, SyntheticHandler, SyntheticWeb

__all__ = [
    "CLOSE",
    "CUT",
    "RESET",
    "SILENCE",
    "Answer",
    "Ending",
    "Fault",
    "Handler",
    "Seen",
    "Server",
    "Step",
    "SyntheticHandler",
    "SyntheticWeb",
    "serve",
]
