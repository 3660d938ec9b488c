"""A new engine, parse executor or output format is one new file and one row in a table."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.conftest import Serve, environment, html

import crawler

NEW = {
    "engines/new.py": """
        from crawler.engines.threads import ThreadsEngine

        class NewEngine(ThreadsEngine):
            async def fetch(self, request):
                print("the new engine fetches")
                return await super().fetch(request)
    """,
    "parsing/executors/new.py": """
        from crawler.parsing.executors.inline import InlineExecutor

        class NewExecutor(InlineExecutor):
            def submit(self, task):
                print("the new executor parses")
                super().submit(task)
    """,
    "sinks/new.py": """
        from crawler.sinks.base import Sink
        from crawler.sinks.file import FileWriter

        class TitleEncoder:
            def encode(self, page):
                return f"{page.title}\\n".encode()

        def title_sink(target):
            writer = FileWriter(target.path, resumed=target.resumed)
            return Sink(target.name, TitleEncoder(), writer)
    """,
}
"""The one new file of each."""
ROWS = {
    "engines/names.py": '"new": "crawler.engines.new:NewEngine",',
    "parsing/executors/names.py": '"new": "crawler.parsing.executors.new:NewExecutor",',
    "sinks/formats.py": '".txt": Format("crawler.sinks.new:title_sink"),',
}
"""The one row of each, which comes last in its table."""
TABLE_END = "    }\n)\n"


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with three additions."""
    root = tmp_path_factory.mktemp("copy")
    ours = Path(crawler.__file__).parent
    shutil.copytree(ours, root / "crawler", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in NEW.items():
        lines = [line.removeprefix(" " * 8) for line in text.strip("\n").splitlines()]
        (root / "crawler" / name).write_text("\n".join(lines))
    for name, row in ROWS.items():
        path = root / "crawler" / name
        before, end, after = path.read_text().partition(TABLE_END)
        path.write_text(f"{before}        {row}\n{end}{after}")
    return root


@pytest.fixture
def run(package: Path, tmp_path: Path, serve: Serve) -> Run:
    """``crawler crawl`` of one page with the changed copy."""
    server = serve({"/": html("<title>Tea</title>")})

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-P", "-m", "crawler", "crawl", server.url("/"), "--no-robots"]
        return subprocess.run(
            [*command, "--quiet", "--parse", "inline", *arguments],
            cwd=tmp_path,
            env={**environment(), "PYTHONPATH": str(package)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

    return run


def test_a_new_engine(run: Run) -> None:
    assert run("--engine", "new").stdout == "the new engine fetches\n"


def test_a_new_executor(run: Run) -> None:
    assert run("--parse", "new").stdout == "the new executor parses\n"


def test_a_new_output_format(run: Run, tmp_path: Path) -> None:
    run("--out", "titles.txt")
    assert (tmp_path / "titles.txt").read_text() == "Tea\n"
