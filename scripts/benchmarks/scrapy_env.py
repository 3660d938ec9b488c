"""Scrapy in an environment of its own, made when first needed."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from support.needs import Missing

PLACE = Path(__file__).parents[2] / ".venv-scrapy"
REQUIREMENT = "scrapy>=2.19"


def scrapy_python() -> str:
    """The interpreter that has Scrapy. Raises Missing where it cannot be installed."""
    python = str(PLACE / "bin" / "python")
    steps = (
        [sys.executable, "-m", "venv", str(PLACE)],
        [python, "-m", "pip", "install", "--quiet", REQUIREMENT],
    )
    has_scrapy = [python, "-c", "import scrapy"]
    if not Path(python).exists() or _error(has_scrapy):
        error = _error(steps[0]) or _error(steps[1])
        if error:
            raise Missing(f"Scrapy could not be installed into {PLACE.name}: {error}")
    return python


def _error(command: Sequence[str]) -> str:
    """The last thing it said, if it failed."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    said = done.stderr.strip().rpartition("\n")[2]
    return (said or f"exit code {done.returncode}") if done.returncode else ""
