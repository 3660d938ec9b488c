"""Crawl without leaving the machine: the network mocked, a scripted server, a made-up web.

``crawler.testing.site`` runs the web as a program of its own, ``crawler.testing.plugin`` is for
pytest.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.testing.connection import (
        CLOSE,
        CUT,
        RESET,
        SILENCE,
        Answer,
        Ending,
        Handler,
        Seen,
        Step,
    )
    from crawler.testing.faults import Fault
    from crawler.testing.mockweb import MockWeb
    from crawler.testing.server import Server, serve
    from crawler.testing.synthetic import SyntheticHandler, SyntheticWeb

_HOME = {
    "CLOSE": "connection",
    "CUT": "connection",
    "RESET": "connection",
    "SILENCE": "connection",
    "Answer": "connection",
    "Ending": "connection",
    "Fault": "faults",
    "Handler": "connection",
    "MockWeb": "mockweb",
    "Seen": "connection",
    "Server": "server",
    "Step": "connection",
    "SyntheticHandler": "synthetic",
    "SyntheticWeb": "synthetic",
    "serve": "server",
}

__all__ = [
    "CLOSE",
    "CUT",
    "RESET",
    "SILENCE",
    "Answer",
    "Ending",
    "Fault",
    "Handler",
    "MockWeb",
    "Seen",
    "Server",
    "Step",
    "SyntheticHandler",
    "SyntheticWeb",
    "serve",
]


def __getattr__(name: str) -> object:
    """Import what is asked for and nothing else: pytest loads the plugin in every run."""
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
