"""The reference in C (``c/``), built when first needed, with lexbor from selectolax's source."""

import hashlib
import os
import platform
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.metadata import version
from pathlib import Path

from support import needs
from support.needs import Missing

from benchmarks.runs import Refused, output, run

ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".bench-c"
SOURCES = Path(__file__).with_name("c")
LIBRARIES = ("libcurl", "libcrypto")
"""As pkg-config knows them."""
_PACKAGES = "pkg-config libcurl4-openssl-dev libssl-dev"
_STRICT = ("-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O2", "-pthread")
_LEXBOR = ("-std=c99", "-DLEXBOR_STATIC", "-O2")
"""As selectolax compiles it."""


@cache
def c_program() -> str:
    """Path of the program. Raises Missing where it cannot be built."""
    compiler = needs.compiler()
    if compiler is None:
        raise Missing(needs.missing("compiler") or "")
    flags = link_flags()
    try:
        return str(_program(compiler, flags, _lexbor(compiler)))
    except Refused as why:
        raise Missing(f"the C program could not be built: {why}") from why


def link_flags() -> list[str]:
    """What pkg-config says of ``LIBRARIES``. Raises Missing where they or it are not installed."""
    missing = Missing(f"needs the headers of {' and '.join(LIBRARIES)} (apt install {_PACKAGES})")
    if shutil.which("pkg-config") is None:
        raise missing
    try:
        return output(["pkg-config", "--cflags", "--libs", *LIBRARIES]).split()
    except Refused as why:
        raise missing from why


def _program(compiler: str, flags: list[str], lexbor: Path) -> Path:
    sources = sorted(SOURCES.glob("*.[ch]"))
    parts = [*(path.read_bytes() for path in sources), repr((compiler, flags, lexbor)).encode()]
    place = PLACE / f"crawl-{hashlib.sha256(b''.join(parts)).hexdigest()[:12]}"

    def build(folder: Path) -> None:
        code = [str(path) for path in sources if path.suffix == ".c"]
        # Warnings of other people's headers are not ours: -isystem.
        places = ("-DLEXBOR_STATIC", "-isystem", str(lexbor / "include"))
        out, archive = str(folder / "crawl"), str(lexbor / "liblexbor.a")
        run([compiler, *_STRICT, *places, *code, archive, *flags, "-lm", "-o", out])

    return _once(place, build) / "crawl"


def _lexbor(compiler: str) -> Path:
    """A folder with ``include`` and ``liblexbor.a``, of the version that selectolax has here."""
    selectolax = version("selectolax")

    def build(folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=PLACE) as unpacked:
            source = _source_of(selectolax, Path(unpacked)) / "lexbor" / "source"
            if not source.is_dir():
                raise Refused(f"no lexbor in the source of selectolax {selectolax}")
            _archive(compiler, source, folder / "liblexbor.a")
            shutil.copytree(
                source, folder / "include", ignore=lambda _, names: set(_no_headers(names))
            )

    return _once(PLACE / f"lexbor-{selectolax}-{platform.machine()}", build)


def _no_headers(names: list[str]) -> list[str]:
    return [name for name in names if name.endswith(".c")]


def _source_of(selectolax: str, folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder)]
    run([*pip, "--no-deps", "--no-binary", "selectolax", f"selectolax=={selectolax}"])
    (packed,) = folder.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / packed.name.removesuffix(".tar.gz")


def _archive(compiler: str, source: Path, out: Path) -> None:
    """All files of ``source``, compiled side by side."""
    files = [path for path in source.rglob("*.c") if "windows_nt" not in path.parts]
    with tempfile.TemporaryDirectory(dir=PLACE) as folder:
        objects = [str(Path(folder) / f"{number}.o") for number in range(len(files))]

        def compiled(file: Path, into: str) -> None:
            run([compiler, *_LEXBOR, f"-I{source}", "-c", str(file), "-o", into])

        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            list(pool.map(compiled, files, objects))
        run(["ar", "rcs", str(out), *objects])


def _once(place: Path, build: Callable[[Path], None]) -> Path:
    """``place``, made by ``build`` in a temporary folder: what is unfinished is not taken."""
    if not place.exists():
        PLACE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=PLACE) as folder:
            build(Path(folder))
            Path(folder).rename(place)
    return place
