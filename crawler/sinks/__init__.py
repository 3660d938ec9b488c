"""Where pages are written. The names exported here are the contract for outputs of your own.

The contract is provisional: it may change in a later version.
"""

from typing import TYPE_CHECKING

from crawler.model.lazy import lazy

if TYPE_CHECKING:
    from crawler.sinks.base import Encoder as Encoder
    from crawler.sinks.base import Sink as Sink
    from crawler.sinks.base import SinkTarget as SinkTarget
    from crawler.sinks.base import Writer as Writer

_HOMES = dict.fromkeys(("Encoder", "Sink", "SinkTarget", "Writer"), "crawler.sinks.base")
__all__ = list(_HOMES)
__getattr__ = lazy(__name__, _HOMES)
