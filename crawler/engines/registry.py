"""Creates fetch engines by name: built-in ones, and those that installed packages add."""

from collections.abc import Callable
from functools import partial
from typing import cast

import msgspec

from crawler.engines.auto import AutoEngine, Clocks, StoppedClocks
from crawler.engines.base import (
    Capabilities,
    Engine,
    EngineChoice,
    EngineOptions,
    MakeEngine,
    is_engine,
)
from crawler.engines.names import AUTO, BUILT_IN, CANDIDATES, PLUGINS, is_installed
from crawler.model.errors import UsageError
from crawler.model.plugins import entry_point, entry_point_names, load

MakeClocks = Callable[[], Clocks]


def make_engine(
    choice: EngineChoice, options: EngineOptions, clocks: MakeClocks = StoppedClocks
) -> Engine:
    """Create the engine that was chosen. For a name, only the library of this engine is imported.

    ``clocks`` creates the clocks with which ``auto`` measures the fetch thread; with the default,
    ``auto`` never tries a second engine. Raises UsageError for an unknown name, for an engine whose
    packages are not installed or cannot be imported, and where something else than an engine was
    created.
    """
    if is_engine(choice):
        return choice
    if not isinstance(choice, str):
        return _created(cast("MakeEngine", choice), options)
    if choice == AUTO:
        make_each = {each: partial(make_engine, each, options) for each in CANDIDATES}
        return AutoEngine(make_each, clocks())
    return _class_of(choice)(options)


def _created(make: MakeEngine, options: EngineOptions) -> Engine:
    engine = make(options)
    if not is_engine(engine):
        raise UsageError(f"engine: {make!r} returned {engine!r}, which is not an engine")
    return engine


def _class_of(name: str) -> MakeEngine:
    if name in BUILT_IN:
        if not is_installed(name):
            raise UsageError(f"the engine {name} needs other packages: {install_line(name)}")
        built_in: MakeEngine = load(BUILT_IN[name])
        return built_in
    plugin = entry_point(PLUGINS, name)
    if plugin is None:
        raise UsageError(f"unknown engine {name!r}; available: {', '.join(engine_names())}")
    try:
        installed: MakeEngine = plugin.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"cannot load the engine {name!r} ({plugin.value}): {error}") from None
    return installed


def install_line(name: str) -> str:
    """The command that installs what only the built-in engine ``name`` needs."""
    return f"pip install 'simulcrawl[{name}]'"


def engine_names() -> tuple[str, ...]:
    """Names of the built-in engines, the default first, then of engines from other packages."""
    return (*BUILT_IN, *sorted(entry_point_names(PLUGINS).difference(BUILT_IN)))


def capabilities_of(name: str) -> Capabilities:
    """Capabilities of the engine ``name``. Raises UsageError like ``make_engine``."""
    return make_engine(name, EngineOptions(concurrency=1)).capabilities


def engine_capabilities() -> list[Capabilities]:
    """Capabilities of every engine, the default first, ``auto`` last.

    A built-in engine that is not installed has a note with the command that installs it.
    """
    return [
        capabilities_of(name) if is_installed(name) else _not_installed(name)
        for name in (*engine_names(), AUTO)
    ]


def _not_installed(name: str) -> Capabilities:
    """The capabilities that its class has: an engine that needs an extra is not made for them."""
    known: Capabilities = load(BUILT_IN[name]).capabilities
    notes = (f"To install it: {install_line(name)}", *known.notes)
    return msgspec.structs.replace(known, library="not installed", notes=notes)
