"""Programs and files that some tests need besides Python packages."""

import shutil
from collections.abc import Callable
from pathlib import Path


class Missing(Exception):  # noqa: N818 - the tests that need it are skipped; it is not an error
    """This machine lacks something."""


def nginx() -> str | None:
    """Path of nginx; its folder is not in an ordinary user's PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def docs() -> str | None:
    """Folder of the Python manual in HTML, about 500 real pages."""
    found = sorted(Path("/usr/share/doc").glob("python3*/html/index.html"))
    return str(found[0].parent) if found else None


def browser() -> str | None:
    """Path of Chromium."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def wget() -> str | None:
    """Path of GNU Wget, which also writes WARC archives."""
    return shutil.which("wget")


def redis() -> str | None:
    """Path of the server of Redis."""
    return shutil.which("redis-server")


def compiler() -> str | None:
    """Path of a C compiler, for the library that makes a disk fail."""
    return shutil.which("cc") or shutil.which("gcc")


def compose() -> str | None:
    return shutil.which("docker-compose")


def git() -> str | None:
    return shutil.which("git")


MANUALS = {
    "postgresql-doc-15": "postgresql-doc-15/html/index.html",
    "sqlite3-doc": "sqlite3/index.html",
    "debian-handbook": "debian-handbook/html/en-US/index.html",
    "apache2-doc": "apache2-doc/manual/en/index.html",
}
"""Debian packages of manuals in HTML, and a page of each below /usr/share/doc."""
LARGE_MANUALS = {
    "openjdk-17-doc": "openjdk-17-doc/api/index.html",
    "rust-doc": "rust-doc/html/index.html",
}
"""The same with ten thousand pages and more."""


def manuals() -> str | None:
    """The folder of ``MANUALS``, if all are there."""
    return _folder_of(MANUALS)


def large_manuals() -> str | None:
    """The folder of ``LARGE_MANUALS``, if all are there."""
    return _folder_of(LARGE_MANUALS)


def _folder_of(pages: dict[str, str]) -> str | None:
    folder = Path("/usr/share/doc")
    return str(folder) if all((folder / page).exists() for page in pages.values()) else None


NEEDS: dict[str, tuple[Callable[[], str | None], str]] = {
    "nginx": (nginx, "nginx-light"),
    "docs": (docs, "python3-doc"),
    "browser": (browser, "chromium"),
    "wget": (wget, "wget"),
    "git": (git, "git"),
    "compose": (compose, "docker-compose"),
    "redis": (redis, "redis-server"),
    "compiler": (compiler, "gcc libc6-dev"),
    "manuals": (manuals, " ".join(MANUALS)),
    "large_manuals": (large_manuals, " ".join(LARGE_MANUALS)),
}
"""Marker → the function that finds the program, and its Debian package."""


def missing(marker: str) -> str | None:
    """Why a test with ``marker`` cannot run here, or None."""
    if marker not in NEEDS or NEEDS[marker][0]():
        return None
    return f"needs {marker} (apt install {NEEDS[marker][1]})"
