"""A Ray that is started here: nobody else may use it, and it prints and leaves nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.worker_engines import IMPORTED

pytestmark = pytest.mark.long
_DRIVER = """
import subprocess, sys, os
from support import orders
from crawler.distributed.engines.registry import open_workers

with open_workers("ray:1") as workers:
    import ray

    killed = workers.executor.submit(orders.run, orders.order("kill_worker", log=sys.argv[1]))
    print(type(killed.exception(20)).__name__, file=sys.stderr)
    stranger = f"import ray; ray.init({ray.get_runtime_context().gcs_address!r})"
    command = [sys.executable, "-c", stranger]
    environment = {**os.environ, "RAY_AUTH_TOKEN": "0" * 64}
    print(subprocess.run(command, env=environment, capture_output=True).returncode, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def done(home: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": IMPORTED, "HOME": str(home)}
    for name in ("RAY_AUTH_TOKEN", "RAY_DEDUP_LOGS_SKIP_REGEX"):
        environment.pop(name, None)
    return subprocess.run(
        [sys.executable, "-c", _DRIVER, str(home / "log")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )


def test_a_killed_worker_prints_nothing_on_standard_output(
    done: "subprocess.CompletedProcess[str]",
) -> None:
    assert done.stdout == ""
    assert done.stderr.splitlines()[0] == "WorkerCrashedError"


def test_a_program_without_its_token_cannot_use_it(
    done: "subprocess.CompletedProcess[str]",
) -> None:
    assert done.stderr.splitlines()[1] != "0"


@pytest.mark.usefixtures("done")
def test_nothing_is_left_in_the_home_directory(home: Path) -> None:
    assert [path.name for path in home.iterdir()] == ["log"]
