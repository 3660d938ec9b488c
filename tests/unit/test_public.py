"""The public names: what they are, and that importing their packages imports nothing heavy."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import crawler

PACKAGES = ("crawler", "crawler.engines", "crawler.sinks", "crawler.testing")
CONTRACTS = {
    "crawler.engines": ("Capabilities", "Engine", "EngineOptions", "Request", "Response", "Timing"),
    "crawler.sinks": ("Encoder", "Sink", "SinkTarget", "Writer"),
}
HEAVY = {"aiohttp", "asyncio", "msgspec", "pycurl", "selectolax", "tornado", "uvloop"}


def typed_names(package: str) -> dict[str, str]:
    """Name → its home, as type checkers see it."""
    source = Path(str(import_module(package).__file__)).read_text("utf-8")
    block = next(node for node in ast.parse(source).body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {str(node.names[0].asname): str(node.module) for node in imports}


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_see_the_names_that_there_are(package: str) -> None:
    module = import_module(package)
    assert typed_names(package) == module._HOMES
    assert set(module.__all__) == set(module._HOMES)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_public_name_is_what_its_home_calls_so(package: str) -> None:
    module = import_module(package)
    for name, home in module._HOMES.items():
        assert getattr(module, name) is getattr(import_module(home), name)


@pytest.mark.parametrize(("package", "names"), CONTRACTS.items())
def test_the_contract_types_are_exported(package: str, names: tuple[str, ...]) -> None:
    assert set(import_module(package).__all__) == set(names)


def test_the_document_of_a_parser_function_is_public() -> None:
    from crawler.parsing.document import Document

    assert crawler.Document is Document


def test_request_stays_free_at_the_top() -> None:
    assert not hasattr(crawler, "Request")


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_imports_nothing_heavy(package: str) -> None:
    code = f"import sys, {package}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY.intersection(done.stdout.split())
