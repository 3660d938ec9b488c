"""What is built and installed is whole: it works where there is no checkout."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from e2e.conftest import Serve, html

from crawler.model.version import __version__

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("distribution")


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    """Built from what the Dockerfile copies; so that is enough."""
    for place in re.findall(r"^COPY (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE):
        *names, target = place.split()
        for name in names:
            copy(ROOT / name, folder / "source" / target)
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder, folder / "source")
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(folder: Path, wheel: Path) -> Path:
    """The bin of an environment that has the wheel, and finds in ours what that needs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    pip("--python", folder / "venv" / "bin" / "python", "install", "--no-index", wheel)
    return folder / "venv" / "bin"


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def pip(*arguments: object) -> None:
    words = [sys.executable, "-m", "pip", *map(str, arguments), "--no-deps", "--quiet"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run(program: Path, *arguments: object, cwd: Path) -> str:
    """What it prints, in a process that finds no checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRAWLER_")}
    done = subprocess.run(
        [program, *map(str, arguments)],
        cwd=cwd,
        # Python reads no .pth file in these folders, so it does not find our editable install.
        env={**kept, "PYTHONPATH": sysconfig.get_path("purelib")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            yield str(path.relative_to(ROOT))


def test_the_wheel_has_every_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {*files(ROOT / "crawler"), *(f"crawler/{name}" for name in files(ROOT / "config"))}
    assert found == wanted | {"simulcrawl_pytest.py"}
    assert {"crawler/py.typed", "crawler/config/polite.toml"} < wanted


def test_the_distribution_has_its_own_name(wheel: Path) -> None:
    assert wheel.name.startswith(f"simulcrawl-{__version__}-py3-")
    assert version("simulcrawl") == __version__


def test_the_installed_command_prints_its_version(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "crawler", "--version", cwd=tmp_path) == f"crawler {__version__}"
    where = run(installed / "python", "-c", "import crawler; print(crawler.__file__)", cwd=tmp_path)
    assert Path(where).is_relative_to(installed.parent)


def test_the_installed_command_finds_its_configurations(
    installed: Path, serve: Serve, tmp_path: Path
) -> None:
    site = serve({"/": html("<a href='/a'>a</a>"), "/a": html("a")})
    flags = ("--quiet", "--follow", "--config", "polite", "--delay", "0", "--run", "run")
    run(installed / "crawler", "crawl", *flags, site.url("/"), cwd=tmp_path)
    assert len((tmp_path / "run" / "pages.jsonl").read_text().splitlines()) == 2
    assert "retries = 3\n" in (tmp_path / "run" / "settings.toml").read_text()
    assert "<script" in (tmp_path / "run" / "report.html").read_text()
