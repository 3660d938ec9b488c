"""Imports point one way: what stands further down may import what stands above, never back."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "crawler"
ORDER = (
    ("version", "errors", "model", "urls"),
    (
        "options",
        "sources",
        "network",
        "robots",
        "warc",
        "archive",
        "cookies",
        "credentials",
        "proxy",
        "proxied",
        "traps",
    ),
    ("engines.base", "engines.kernel", "sinks.base"),
    ("engines", "parsing", "sinks", "metrics", "frontier", "fetcher"),
    ("parts", "intake", "checkpoint", "documents", "answers", "compare.record", "html"),
    ("core", "settings"),
    ("rundir", "inputs", "logs", "restored"),
    ("build",),
    ("operation", "baseline"),
    ("runner",),
    ("api",),
    ("compare", "testing", "distributed", ""),
    ("cli", "__main__"),
)
"""The rooms, from the bottom up; "" is the package itself, the public API."""
STRANGERS = {"engines", "parsing", "sinks", "metrics", "frontier", "fetcher", "core", "settings"}
"""Rooms that do not know the others on their floor."""


def room(module: str) -> str:
    """``engines.base`` for crawler.engines.base, ``engines`` for crawler.engines.curl."""
    names = [name for floor in ORDER for name in floor]
    path = module.removeprefix("crawler").removeprefix(".")
    found = [name for name in names if name and f"{path}.".startswith(f"{name}.")]
    if not found and path:
        pytest.fail(f"{module} has no place in ORDER: give it one")
    return max(found, key=len, default="")


def floor(name: str) -> int:
    return next(number for number, names in enumerate(ORDER) if name in names)


def allowed(importer: str, imported: str) -> bool:
    here, there = room(importer), room(imported)
    if here == there:
        return True
    same_floor = floor(here) == floor(there)
    return floor(there) < floor(here) or (same_floor and here not in STRANGERS)


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


def wrong_arrows(module: str, source: str, *, package: bool = False) -> list[str]:
    arrows = imported_by(module, source, package=package)
    return [f"{module} → {target}" for target in arrows if not allowed(module, target)]


def test_no_module_imports_what_stands_above_it() -> None:
    found = [
        arrow
        for module, path in modules()
        for arrow in wrong_arrows(module, path.read_text(), package=path.name == "__init__.py")
    ]
    assert not found, "\n".join(found)


def test_every_module_was_looked_at() -> None:
    looked_at = {module for module, _ in modules()}
    assert {"crawler", "crawler.cli", "crawler.core", "crawler.engines.base"} <= looked_at


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("crawler.errors", "from crawler.options import Option"),
        ("crawler.engines.base", "import crawler.engines.curl"),
        ("crawler.engines.curl", "from crawler.parsing.page import PageParser"),
        ("crawler.engines.curl", "def late():\n    from crawler.core import Core"),
        ("crawler.parsing.pool", "from ..metrics import meter"),
        ("crawler.parsing.pool", "from .. import metrics"),
        ("crawler.core", "from crawler.settings import Settings"),
        ("crawler.core", "import crawler"),
        ("crawler.build", "from crawler import cli"),
        ("crawler.settings", "if TYPE_CHECKING:\n    from crawler.build import run"),
    ],
)
def test_an_arrow_back_is_found(module: str, source: str) -> None:
    assert wrong_arrows(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("crawler.engines.curl", "from crawler.engines.base import Engine"),
        ("crawler.engines.sequential", "from .threads import ThreadsEngine"),
        ("crawler.core", "from crawler.engines.base import Engine\nimport asyncio, crawler.urls"),
        ("crawler.cli.crawl", "from crawler.build import run"),
        ("crawler", "from crawler.build import run"),
    ],
)
def test_an_arrow_down_is_fine(module: str, source: str) -> None:
    assert not wrong_arrows(module, source)


def test_a_relative_import_in_a_package_starts_at_the_package() -> None:
    assert list(imported_by("crawler.cli", "from .options import Parser", package=True)) == [
        "crawler.cli.options"
    ]
