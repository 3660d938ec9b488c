"""pytest as a user runs it: a process in a folder of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

STRANGERS = ("asyncio", "hypothesispytest", "timeout")
"""Plugins that take time to load and have no part in this."""


class PytestRun(NamedTuple):
    """Exit code and output of pytest."""

    code: int
    text: str

    @property
    def verdicts(self) -> list[tuple[str, str]]:
        """Name and outcome of each test, in order."""
        return re.findall(r"^test_user\.py::(\S+) ([A-Z]+)", self.text, re.MULTILINE)


def run_pytest(folder: Path, code: str, *arguments: str, **environment: str) -> PytestRun:
    """Run pytest on ``code`` in ``folder``."""
    (folder / "test_user.py").write_text(f"import crawler, pytest\n\n{code}")
    options = ["-v", "-rs", "--strict-markers", f"--rootdir={folder}"]
    options += [f"-pno:{name}" for name in ("cacheprovider", *STRANGERS)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=250,
        check=False,
    )
    return PytestRun(done.returncode, done.stdout)
