"""Scrapy in an environment of its own, made when first needed."""

from pathlib import Path

from benchmarks.environments import python_with

PLACE = Path(__file__).parents[2] / ".venv-scrapy"
REQUIREMENT = "scrapy>=2.19"


def scrapy_python() -> str:
    """The interpreter that has Scrapy. Raises Missing where it cannot be installed."""
    return python_with(PLACE, REQUIREMENT)
