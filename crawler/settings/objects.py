"""Objects that an option accepts from Python besides text: engines, functions, outputs …"""

from collections.abc import Callable
from typing import Any, NamedTuple

from crawler.engines.base import is_engine
from crawler.model.importable import import_path, name_of
from crawler.sinks.base import Sink


class ObjectKind(NamedTuple):
    """One kind of object.

    ``accepts`` checks a value, ``words`` ends a sentence about what is accepted. A file has
    ``<noun name>`` in place of an object, unless there is a ``text`` that means the same.
    """

    noun: str
    words: str
    accepts: Callable[[object], bool]
    name: Callable[[Any], str]
    text: Callable[[object], str | None] = lambda _: None

    def shown(self, value: object) -> object:
        """Return ``<noun name>`` for an object of this kind, any other value as it is."""
        return f"<{self.noun} {self.name(value)}>" if self.accepts(value) else value

    def is_shown(self, value: object) -> bool:
        """Whether ``value`` is a text that ``shown`` returned for an object."""
        return isinstance(value, str) and value.startswith(f"<{self.noun} ") and value[-1] == ">"


def _engine_name(value: object) -> str:
    """The name of the engine; of what creates engines, its own name: it was not called yet."""
    return value.capabilities.name if is_engine(value) else name_of(value)


def _is_parser(value: object) -> bool:
    if not callable(value):
        return False
    from inspect import iscoroutinefunction  # takes as long to import as all options

    return not iscoroutinefunction(value)


def _is_executor(value: object) -> bool:
    if isinstance(value, str):
        return False
    from concurrent.futures import Executor  # takes as long to import as all options

    return isinstance(value, Executor)


def _function_text(function: object) -> str | None:
    path = import_path(function)
    return None if path is None or "." in path.partition(":")[2] else path


NO_OBJECT = ObjectKind("object", "", lambda _: False, name_of)
ENGINE = ObjectKind(
    "engine",
    ", or an engine or what creates one from EngineOptions (see crawler.engines)",
    lambda value: is_engine(value) or callable(value),
    _engine_name,
)
EXECUTOR = ObjectKind(
    "executor",
    ", or a concurrent.futures.Executor",
    _is_executor,
    lambda executor: type(executor).__name__,
)
PARSER = ObjectKind(
    "function",
    ", or a function that is not an async one",
    _is_parser,
    name_of,
    _function_text,
)
SINK = ObjectKind(
    "sink",
    ", or a crawler.sinks.Sink",
    lambda value: isinstance(value, Sink),
    lambda sink: str(sink.name),
)
