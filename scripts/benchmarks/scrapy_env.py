"""Scrapy in an environment of its own, made when first needed."""

import subprocess
import sys
from pathlib import Path

from benchmarks.runs import Missing

PLACE = Path(__file__).parents[2] / ".venv-scrapy"
REQUIREMENT = "scrapy>=2.19"


def scrapy_python() -> str:
    """The interpreter that has Scrapy. Raises Missing where it cannot be installed."""
    python = str(PLACE / "bin" / "python")
    try:
        if not Path(python).exists():
            subprocess.run([sys.executable, "-m", "venv", str(PLACE)], check=True)
        if not _has_scrapy(python):
            install = [python, "-m", "pip", "install", "--quiet", REQUIREMENT]
            subprocess.run(install, check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"Scrapy could not be installed into {PLACE.name}: {error}") from error
    return python


def _has_scrapy(python: str) -> bool:
    command = [python, "-c", "import scrapy"]
    return not subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode
