"""The rooms of the package, and what each may import: a table, held by every import there is."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "crawler"
ROOMS = {
    "model": (),
    "engines": ("model",),
    "frontier": ("model",),
    "sources": ("model",),
    "sinks": ("model",),
    "metrics": ("model",),
    "fetch": ("model", "engines.base", "engines.shared"),
    "parsing": ("model", "sinks.base"),
    "reporting": ("model", "metrics", "runs"),
    "settings": (
        "model",
        "engines.base",
        "engines.names",
        "engines.shared.framing",
        "fetch.headers",
        "fetch.proxy",
        "frontier.retry",
        "parsing.custom",
        "parsing.executors.names",
        "sinks.base",
    ),
    "pipeline": ("model", "frontier", "fetch", "sources", "parsing", "sinks"),
    "localweb": (
        "model",
        "fetch.addresses",
        "fetch.dns",
        "fetch.network",
        "sinks.warc",
        "engines.names",
        "engines.shared.kernel",
    ),
    "app": (
        "model",
        "engines",
        "frontier",
        "sources",
        "sinks",
        "metrics",
        "fetch",
        "parsing",
        "reporting",
        "settings",
        "pipeline",
        "runs",
    ),
    "compare": (
        "app",
        "localweb",
        "metrics",
        "settings",
        "sources",
        "parsing.executors",
        "model",
        "engines.base",
        "engines.registry",
    ),
    "distributed": (
        "app",
        "frontier",
        "metrics",
        "model",
        "parsing.executors",
        "pipeline.outbox",
        "reporting",
        "runs",
        "settings",
        "sinks",
        "sources",
    ),
    "runs": ("model", "metrics", "settings", "frontier.state.status"),
    "testing": ("model", "localweb", "engines.base"),
    "cli": None,
    "__main__": ("cli",),
    "": ("model", "distributed.api", "app", "metrics", "settings", "engines", "sinks", "parsing"),
}
"""Room → rooms, or modules of rooms, that it may import; None: all. "" is the package itself."""
MOST_ARROWS = 83


def room(module: str) -> str:
    """``engines`` for crawler.engines.curl."""
    return [*module.split("."), ""][1]


def allowed(importer: str, imported: str) -> bool:
    here = room(importer)
    if here not in ROOMS:
        pytest.fail(f"{importer} has no place in ROOMS: give it one")
    may = ROOMS[here]
    path = imported.removeprefix("crawler").removeprefix(".")
    if may is None or not path or room(imported) == here:
        return True
    return any(f"{path}.".startswith(f"{each}.") for each in may)


def imported_by(module: str, source: str, *, package: bool = False) -> Iterator[str]:
    """Modules of ours that ``source`` imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = absolute(module, node, package)
            names = [f"{base}.{alias.name}" for alias in node.names]
            names = [name if is_module(name) else base for name in names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "crawler")


def absolute(module: str, node: ast.ImportFrom, package: bool) -> str:
    if not node.level:
        return node.module or ""
    above = module.split(".")
    above = above[: len(above) - node.level + package]
    return ".".join([*above, *([node.module] if node.module else [])])


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__"), path


def arrows() -> Iterator[tuple[str, str]]:
    """Every import of ours: who imports, and what."""
    for module, path in modules():
        source, package = path.read_text(), path.name == "__init__.py"
        for target in imported_by(module, source, package=package):
            yield module, target


def between_rooms() -> Mapping[str, set[str]]:
    """Room → the other rooms that it imports."""
    found = defaultdict(set)
    for module, target in arrows():
        if room(module) != room(target):
            found[room(module)].add(room(target))
    return found


def wrong_arrows(module: str, source: str, *, package: bool = False) -> list[str]:
    found = imported_by(module, source, package=package)
    return [f"{module} → {target}" for target in found if not allowed(module, target)]


def test_every_room_imports_only_what_the_table_allows() -> None:
    found = [f"{module} → {target}" for module, target in arrows() if not allowed(module, target)]
    assert not found, "\n".join(found)


def test_every_module_is_checked() -> None:
    looked_at = {module for module, _ in modules()}
    assert {"crawler", "crawler.cli", "crawler.pipeline.core", "crawler.engines.base"} <= looked_at


def test_nothing_is_loose_at_the_root() -> None:
    assert {path.name for path in PACKAGE.iterdir() if path.is_file()} == {
        "__init__.py",
        "__main__.py",
        "py.typed",
    }


def test_there_is_no_circle_between_rooms() -> None:
    rooms = {here: there - {""} for here, there in between_rooms().items() if here}
    try:
        TopologicalSorter(rooms).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_the_arrows_between_rooms_are_few() -> None:
    assert sum(map(len, between_rooms().values())) <= MOST_ARROWS


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("crawler.model.errors", "from crawler.settings.option import Option"),
        ("crawler.fetch.fetcher", "import crawler.engines.curl"),
        ("crawler.engines.curl", "from crawler.parsing.page import PageParser"),
        ("crawler.engines.curl", "def late():\n    from crawler.pipeline.core import Pipeline"),
        ("crawler.parsing.page", "from ..metrics import meter"),
        ("crawler.parsing.page", "from .. import metrics"),
        ("crawler.pipeline.core", "from crawler.settings import Settings"),
        ("crawler.app.assemble", "from crawler import cli"),
        ("crawler.settings", "if TYPE_CHECKING:\n    from crawler.app.execute import run"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    assert wrong_arrows(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("crawler.engines.curl", "from crawler.engines.base import Engine"),
        ("crawler.engines.sequential", "from .threads import ThreadsEngine"),
        ("crawler.pipeline.core", "import asyncio, crawler.model.urls"),
        ("crawler.fetch.fetcher", "from crawler.engines.base import Engine"),
        ("crawler.cli.crawl", "from crawler.app.execute import run"),
        ("crawler", "from crawler.app.api import crawl"),
    ],
)
def test_an_allowed_import_is_accepted(module: str, source: str) -> None:
    assert not wrong_arrows(module, source)


def test_relative_imports_start_at_the_package() -> None:
    assert list(imported_by("crawler.cli", "from .flags import Parser", package=True)) == [
        "crawler.cli.flags"
    ]
