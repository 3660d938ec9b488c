"""Makes a fetch engine by its name: one of ours, or one that an installed package adds."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points

from crawler.engines.auto import AutoEngine, Clocks, StoppedClocks
from crawler.engines.base import Capabilities, Engine, EngineOptions
from crawler.engines.names import AUTO, BUILT_IN, CANDIDATES, PLUGINS
from crawler.model.errors import UsageError
from crawler.model.plugins import entry_point

MakeClocks = Callable[[], Clocks]


def make_engine(name: str, options: EngineOptions, clocks: MakeClocks = StoppedClocks) -> Engine:
    """Import the library of this engine only, and make the engine.

    ``clocks`` makes what ``auto`` measures the fetch thread with; with the default it never tries a
    second engine. Raises UsageError for an unknown name and for an engine that cannot be imported.
    """
    if name == AUTO:
        make_each = {each: partial(make_engine, each, options) for each in CANDIDATES}
        return AutoEngine(make_each, clocks())
    return _class_of(name)(options)


def _class_of(name: str) -> Callable[[EngineOptions], Engine]:
    if name in BUILT_IN:
        module, _, class_name = BUILT_IN[name].partition(":")
        ours: Callable[[EngineOptions], Engine] = getattr(import_module(module), class_name)
        return ours
    plugin = entry_point(PLUGINS, name)
    if plugin is None:
        raise UsageError(f"no engine is called {name!r}; there are {', '.join(engine_names())}")
    try:
        theirs: Callable[[EngineOptions], Engine] = plugin.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"the engine {name!r} ({plugin.value}) cannot be had: {error}") from None
    return theirs


def engine_names() -> tuple[str, ...]:
    """The names of our own engines, the default first, then of those from installed packages."""
    return (*BUILT_IN, *sorted(entry_points(group=PLUGINS).names.difference(BUILT_IN)))


def capabilities_of(name: str) -> Capabilities:
    """What the engine ``name`` can do. Raises UsageError as ``make_engine`` does."""
    return make_engine(name, EngineOptions(concurrency=1)).capabilities


def engine_capabilities() -> list[Capabilities]:
    """What each engine can do, the default first."""
    return [capabilities_of(name) for name in (*engine_names(), AUTO)]
