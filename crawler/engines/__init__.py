"""The fetch engines. The names exported here are the contract for engines of your own."""

from typing import TYPE_CHECKING

from crawler.model.lazy import lazy

if TYPE_CHECKING:
    from crawler.engines.base import Capabilities as Capabilities
    from crawler.engines.base import Engine as Engine
    from crawler.engines.base import EngineOptions as EngineOptions
    from crawler.model.exchange import Request as Request
    from crawler.model.exchange import Response as Response
    from crawler.model.exchange import Timing as Timing

_HOMES = {
    **dict.fromkeys(("Capabilities", "Engine", "EngineOptions"), "crawler.engines.base"),
    **dict.fromkeys(("Request", "Response", "Timing"), "crawler.model.exchange"),
}
__all__ = list(_HOMES)
__getattr__ = lazy(__name__, _HOMES)
