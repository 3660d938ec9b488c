"""States of the project that can run side by side: the working tree, and revisions from git."""

import hashlib
import json
import platform
import shutil
import sys
import tomllib
import zipfile
from pathlib import Path

import msgspec

from benchmarks.environments import python_with
from benchmarks.runs import Refused, output, run

ROOT = Path(__file__).parents[2]
_PACKAGE = "crawler"
_REQUIREMENTS = ("pyproject.toml", "constraints.txt")
_WHERE = f"import {_PACKAGE}; print({_PACKAGE}.__file__)"


class Checkout(msgspec.Struct, frozen=True):
    """``folder`` contains the package, and ``python`` is an interpreter with what it depends on."""

    python: str
    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """The folder comes before installed packages, an editable one included."""
        return {"PYTHONPATH": str(self.folder)}

    def command(self, *arguments: str) -> list[str]:
        """``crawler ARGUMENTS``, to be run with ``env``."""
        return [self.python, "-P", "-m", _PACKAGE, *arguments]

    def prepare(self) -> None:
        """Compile the package. Raises Refused if another one is imported in its place."""
        imported = output([self.python, "-P", "-c", _WHERE], self.env)
        if not Path(imported).is_relative_to(self.folder):
            raise Refused(f"{_PACKAGE} is imported from {imported}, and not from {self.folder}")
        run([self.python, "-m", "compileall", "-q", str(self.folder / _PACKAGE)])


def working_tree(folder: Path) -> Checkout:
    """A copy in ``folder``: edits during the measurement do not change what is measured."""
    shutil.copytree(
        ROOT / _PACKAGE, folder / _PACKAGE, ignore=shutil.ignore_patterns("__pycache__")
    )
    return Checkout(sys.executable, folder)


def revision(commit: str, folder: Path) -> Checkout:
    """``commit`` in ``folder``. Raises Refused if git cannot unpack it.

    It runs in our own environment if it depends on the same versions, else in another one, which
    later calls reuse; raises Missing if that cannot be made.
    """
    archive = folder.with_suffix(".zip")
    _git("archive", f"--output={archive}", commit, _PACKAGE, *_REQUIREMENTS)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    return Checkout(_interpreter(folder), folder)


def commit_of(name: str) -> str:
    """The hash of the commit that ``name`` stands for in git. Raises Refused if there is none."""
    return _git("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")


def state() -> str | None:
    """The hash of the commit that is checked out, with ``-dirty`` if tracked files differ from it.

    None where this is no checkout, or git is not installed.
    """
    try:
        return _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (Refused, OSError):
        return None


def _git(*arguments: str) -> str:
    return output(["git", "-C", str(ROOT), *arguments])


def _interpreter(folder: Path) -> str:
    wanted = _requirements(folder)
    if wanted == _requirements(ROOT):
        return sys.executable
    key = hashlib.sha256(json.dumps([platform.python_version(), *wanted]).encode()).hexdigest()
    constraints = str(folder / _REQUIREMENTS[1])
    return python_with(ROOT / f".venv-against-{key[:12]}", "--constraint", constraints, *wanted[0])


def _requirements(folder: Path) -> tuple[list[str], str]:
    """The packages that the project in ``folder`` depends on, and the constraints."""
    project, constraints = ((folder / name).read_text() for name in _REQUIREMENTS)
    return tomllib.loads(project)["project"]["dependencies"], constraints
