"""Makes files durable."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Make durable what a file has, or what was created and renamed in a folder. Raises OSError."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
