"""docker-compose.yml: its form, and its very commands, run on this machine without containers."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
ENTRYPOINT = ["crawler"]
"""That of the Dockerfile."""


def services() -> dict[str, dict[str, Any]]:
    """With all profiles, as docker-compose itself reads the file."""
    return dict(yaml.safe_load(FILE.read_text())["services"])


def command(name: str) -> list[str]:
    service = services()[name]
    first, *rest = [*service.get("entrypoint", ENTRYPOINT), *service["command"]]
    beside = Path(sys.executable).with_name(first)
    return [str(beside if beside.exists() else which(first)), *rest]


def environment(name: str) -> Mapping[str, str]:
    return {**os.environ, **services()[name].get("environment", {})}


@contextmanager
def started(name: str, folder: Path) -> Iterator[None]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command(name), cwd=folder, env=environment(name), stdout=log, stderr=log
        )
        try:
            yield
            assert process.poll() is None, (folder / f"{name}.log").read_text()
        finally:
            process.terminate()
            process.wait(30)


def crawled(names: list[str], crawl: str, folder: Path) -> dict[str, Any]:
    """Start the services ``names``, run ``crawl``, and return its report."""
    run = next(each for each in command(crawl) if each.startswith("--run=")).partition("=")[2]
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(started(name, folder))
        wait_for_the_site(folder)
        done = subprocess.run(
            command(crawl),
            cwd=folder,
            env=environment(crawl),
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads((folder / run / "report.json").read_bytes())
    return report


def wait_for_the_site(folder: Path) -> None:
    """It says when it answers; the others are waited for by the crawl."""
    until = time.monotonic() + 30
    while "first page" not in (folder / "site.log").read_text():
        assert time.monotonic() < until
        time.sleep(0.05)


def pages() -> int:
    site = command("site")
    return int(site[site.index("--pages") + 1])


@pytest.mark.compose
def test_docker_compose_accepts_the_file() -> None:
    done = subprocess.run(
        ["docker-compose", "config"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load(done.stdout)["services"]
    assert {"crawler"} <= found.keys() <= services().keys()


def test_the_plain_service_needs_no_profile() -> None:
    assert [name for name, each in services().items() if "profiles" not in each] == ["crawler"]
    assert services()["crawler"]["build"] == "."


def test_what_is_shared_is_one_folder() -> None:
    ours = [each for each in services().values() if "image" not in each]
    assert {tuple(each["volumes"]) for each in ours} == {(".:/data",)}


@pytest.mark.timeout(150)
def test_the_commands_of_the_dask_profile_crawl_the_site(tmp_path: Path) -> None:
    report = crawled(["site", "dask-scheduler", "dask-worker"], "dask-crawl", tmp_path)
    assert report["urls"]["done"] + report["urls"]["skipped"] >= pages()
    assert report["urls"]["pending"] == report["urls"]["failed"] == 0
    assert report["shards"]["shards"] == 8


@pytest.mark.long
@pytest.mark.timeout(150)
def test_the_commands_of_the_celery_profile_crawl_the_site(tmp_path: Path) -> None:
    report = crawled(["site", "redis", "celery-worker"], "celery-crawl", tmp_path)
    assert report["urls"]["done"] + report["urls"]["skipped"] >= pages()
    assert report["urls"]["pending"] == report["urls"]["failed"] == 0
