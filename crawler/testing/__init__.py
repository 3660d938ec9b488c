"""Crawl without leaving the machine: the network mocked, a scripted server, a recorded web.

The pytest plugin that is installed with the crawler brings ``MockWeb`` as the fixture ``mock_web``.
"""

from typing import TYPE_CHECKING

from crawler.model.lazy import lazy

if TYPE_CHECKING:
    from crawler.localweb.connection import CLOSE as CLOSE
    from crawler.localweb.connection import CUT as CUT
    from crawler.localweb.connection import RESET as RESET
    from crawler.localweb.connection import SILENCE as SILENCE
    from crawler.localweb.connection import Answer as Answer
    from crawler.localweb.connection import Ending as Ending
    from crawler.localweb.connection import Handler as Handler
    from crawler.localweb.connection import Seen as Seen
    from crawler.localweb.connection import Step as Step
    from crawler.localweb.faults import Fault as Fault
    from crawler.localweb.mockweb import MockWeb as MockWeb
    from crawler.localweb.replay import Replay as Replay
    from crawler.localweb.server import Server as Server
    from crawler.localweb.server import serve as serve
    from crawler.localweb.synthetic import SyntheticHandler as SyntheticHandler
    from crawler.localweb.synthetic import SyntheticWeb as SyntheticWeb

_HOMES = {
    **dict.fromkeys(
        ("CLOSE", "CUT", "RESET", "SILENCE", "Answer", "Ending", "Handler", "Seen", "Step"),
        "crawler.localweb.connection",
    ),
    "Fault": "crawler.localweb.faults",
    "MockWeb": "crawler.localweb.mockweb",
    "Replay": "crawler.localweb.replay",
    "Server": "crawler.localweb.server",
    "serve": "crawler.localweb.server",
    "SyntheticHandler": "crawler.localweb.synthetic",
    "SyntheticWeb": "crawler.localweb.synthetic",
}
__all__ = list(_HOMES)
__getattr__ = lazy(__name__, _HOMES)
