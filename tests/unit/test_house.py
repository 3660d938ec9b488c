"""What keeps the package easy to read: names that exist once, files that are not long."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "crawler"
MOST_LINES = 400


def types_in(tree: ast.Module) -> Iterator[str]:
    """Classes, nested ones too, and type aliases of the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp):
            yield from (each.id for each in node.targets if is_type_name(each))


def is_type_name(node: ast.expr) -> bool:
    name = node.id.lstrip("_") if isinstance(node, ast.Name) else ""
    return name[:1].isupper() and not name.isupper()


def test_no_type_name_exists_twice() -> None:
    places = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for name in types_in(ast.parse(path.read_text())):
            places[name.lstrip("_")].append(str(path.relative_to(PACKAGE)))
    assert not {name: found for name, found in places.items() if len(found) > 1}


def test_a_second_type_of_a_name_is_found() -> None:
    tree = ast.parse("class A:\n    class _B: ...\nNames = list[int]\nLIMIT = 2**3\n_C: int = 1")
    assert list(types_in(tree)) == ["A", "_B", "Names"]


def test_no_file_is_long() -> None:
    root = PACKAGE.parent
    files = [
        path for room in ("crawler", "tests", "scripts") for path in (root / room).rglob("*.py")
    ]
    lines = {str(path.relative_to(root)): path.read_text().count("\n") for path in files}
    assert not {path: count for path, count in lines.items() if count > MOST_LINES}
