"""Objects that an option accepts from Python besides text: engines and outputs."""

from collections.abc import Callable
from typing import Any, NamedTuple

from crawler.engines.base import is_engine
from crawler.sinks.base import Sink


class ObjectKind(NamedTuple):
    """One kind of object. ``accepts`` checks a value, ``name`` is what messages call the object.

    ``words`` describes what is accepted. A file has ``<noun name>`` in place of the object.
    """

    noun: str
    words: str
    accepts: Callable[[object], bool]
    name: Callable[[Any], str]

    def shown(self, value: object) -> object:
        """Return ``<noun name>`` for an object of this kind, any other value as it is."""
        return f"<{self.noun} {self.name(value)}>" if self.accepts(value) else value

    def is_shown(self, value: object) -> bool:
        """Whether ``value`` is a text that ``shown`` returned for an object."""
        return isinstance(value, str) and value.startswith(f"<{self.noun} ") and value[-1] == ">"


def _engine_name(value: Any) -> str:
    """The name of the engine; of what creates engines, its own name: it was not called yet."""
    if is_engine(value):
        return value.capabilities.name
    return getattr(value, "__qualname__", type(value).__qualname__)


ENGINE = ObjectKind(
    "engine",
    "an engine, or what creates one from EngineOptions (see crawler.engines)",
    lambda value: is_engine(value) or callable(value),
    _engine_name,
)
SINK = ObjectKind(
    "sink",
    "a crawler.sinks.Sink",
    lambda value: isinstance(value, Sink),
    lambda sink: str(sink.name),
)
