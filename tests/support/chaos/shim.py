"""Compiles the library with the I/O faults."""

import subprocess
from pathlib import Path

from support import needs

SOURCE = Path(__file__).with_name("io_faults.c")


def compiled(folder: Path) -> Path | None:
    """Compile it into ``folder``; None where there is no compiler."""
    found = needs.compiler()
    if found is None:
        return None
    library = folder / "io_faults.so"
    command = [found, "-shared", "-fPIC", "-O2", "-o", library, SOURCE, "-ldl"]
    subprocess.run(command, check=True)
    return library
