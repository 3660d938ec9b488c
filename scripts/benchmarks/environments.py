"""Virtual environments beside the project's own, each made when first needed."""

import sys
from pathlib import Path

from support.needs import Missing

from benchmarks.runs import Refused, run


def python_with(place: Path, *wanted: str) -> str:
    """The interpreter in ``place``, with what ``pip install`` makes of the arguments ``wanted``.

    Raises Missing where it cannot be made.
    """
    python, ready = str(place / "bin" / "python"), place / ".ready"
    if not ready.exists():
        try:
            run([sys.executable, "-m", "venv", "--clear", str(place)])
            run([python, "-m", "pip", "install", "--quiet", *wanted])
        except Refused as why:
            raise Missing(f"{place.name} could not be made: {why}") from why
        ready.touch()
    return python
