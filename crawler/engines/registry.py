"""Creates fetch engines by name: built-in ones, and those that installed packages add."""

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
    """Create the engine ``name``; only its library is imported.

    ``clocks`` creates the clocks with which ``auto`` measures the fetch thread; with the default,
    ``auto`` never tries a second engine. Raises UsageError for an unknown name or an engine that
    cannot be imported.
    """
    if name == AUTO:
        make_each = {each: partial(make_engine, each, options) for each in CANDIDATES}
        return AutoEngine(make_each, clocks())
    return _class_of(name)(options)


def _class_of(name: str) -> Callable[[EngineOptions], Engine]:
    if name in BUILT_IN:
        module, _, class_name = BUILT_IN[name].partition(":")
        built_in: Callable[[EngineOptions], Engine] = getattr(import_module(module), class_name)
        return built_in
    plugin = entry_point(PLUGINS, name)
    if plugin is None:
        raise UsageError(f"unknown engine {name!r}; available: {', '.join(engine_names())}")
    try:
        installed: Callable[[EngineOptions], Engine] = plugin.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"cannot load the engine {name!r} ({plugin.value}): {error}") from None
    return installed


def engine_names() -> tuple[str, ...]:
    """Names of the built-in engines, the default first, then of engines from other packages."""
    return (*BUILT_IN, *sorted(entry_points(group=PLUGINS).names.difference(BUILT_IN)))


def capabilities_of(name: str) -> Capabilities:
    """Capabilities of the engine ``name``. Raises UsageError like ``make_engine``."""
    return make_engine(name, EngineOptions(concurrency=1)).capabilities


def engine_capabilities() -> list[Capabilities]:
    """Capabilities of every engine, the default first, ``auto`` last."""
    return [capabilities_of(name) for name in (*engine_names(), AUTO)]
