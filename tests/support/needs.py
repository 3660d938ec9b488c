"""What some tests need from the machine beyond Python packages, and where it is."""

import shutil
from collections.abc import Callable
from pathlib import Path


class Missing(Exception):  # noqa: N818 - it says what is the matter, not that there is an error
    """This machine lacks something."""


def nginx() -> str | None:
    """Path of nginx; it lies outside an ordinary user's PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def docs() -> str | None:
    """Folder of the Python manual in HTML, some 500 real pages."""
    found = sorted(Path("/usr/share/doc").glob("python3*/html/index.html"))
    return str(found[0].parent) if found else None


def browser() -> str | None:
    """Path of Chromium."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def wget() -> str | None:
    """Path of GNU Wget, which writes WARC archives of its own."""
    return shutil.which("wget")


def git() -> str | None:
    return shutil.which("git")


NEEDS: dict[str, tuple[Callable[[], str | None], str]] = {
    "nginx": (nginx, "nginx-light"),
    "docs": (docs, "python3-doc"),
    "browser": (browser, "chromium"),
    "wget": (wget, "wget"),
    "git": (git, "git"),
}
"""By marker: where it is, and the Debian package that brings it."""


def missing(marker: str) -> str | None:
    """Why a test with ``marker`` cannot run here, or None."""
    if marker not in NEEDS or NEEDS[marker][0]():
        return None
    return f"needs {marker} (apt install {NEEDS[marker][1]})"
