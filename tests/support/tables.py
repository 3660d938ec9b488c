"""Tables of Markdown pages."""

import re
from pathlib import Path


def table(page: Path, heading: str) -> list[list[str]]:
    """The cells of the first table under ``heading``, its header left out."""
    text = page.read_text("utf-8")
    section = re.split(rf"^#+ {re.escape(heading)}$", text, flags=re.MULTILINE)[1]
    lines = re.split(r"^#", section, flags=re.MULTILINE)[0].splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[1:]]


def names(cell: str) -> list[str]:
    """What a cell has in code spans, if it is a name."""
    return re.findall(r"`([\w.]+)`", cell)
