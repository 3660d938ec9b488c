"""Crawls that are killed, suspended, cut off and given failing disks end as if left alone."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.chaos.plan import IO_KINDS, draw
from support.chaos.shim import compiled
from support.chaos.trial import Chaos, differences

SCRIPT = Path(__file__).parents[2] / "scripts" / "chaos"
WRITES = """
import os, sys
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
for number in range(4):
    try:
        print(os.write(file, b"12345678"))
    except OSError as error:
        print(error.strerror)
    sys.stdout.flush()
"""
"""Writes eight bytes four times."""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = compiled(tmp_path_factory.mktemp("shim"))
    assert library is not None
    return library


@pytest.mark.promise("P34", "P35", "P37")
@pytest.mark.compiler
def test_a_disturbed_crawl_ends_as_if_left_alone(shim: Path, tmp_path: Path) -> None:
    trial = Chaos(tmp_path, shim, pages=80, sessions=5).trial("curl", seed=7)
    assert trial.wrong == ()
    assert trial.pages > 60
    assert sum(trial.done.values()) > 5, "too few disturbances"


@pytest.mark.promise("P34", "P35", "P37")
@pytest.mark.long
@pytest.mark.compiler
@pytest.mark.timeout(1800)
def test_disturbed_crawls_of_each_engine_end_as_if_left_alone() -> None:
    done = subprocess.run([SCRIPT, "--seed", "100"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


# The tool itself


@pytest.mark.compiler
@pytest.mark.parametrize(
    ("kind", "said", "code"),
    [
        ("eio", ["8", "Input/output error", "Input/output error", "Input/output error"], 0),
        ("enospc", ["8"] + 3 * ["No space left on device"], 0),
        ("once", ["8", "Input/output error", "8", "8"], 0),
        ("short", ["8", "4"] + 2 * ["No space left on device"], 0),
        ("kill", ["8"], -signal.SIGKILL),
        ("killed", ["8"], -signal.SIGKILL),
    ],
)
def test_the_second_write_fails(
    shim: Path, tmp_path: Path, kind: str, said: list[str], code: int
) -> None:
    chaos = {"CHAOS_IO_FOLDER": f"{tmp_path}/", "CHAOS_IO_AT": "2", "CHAOS_IO_KIND": kind}
    done = subprocess.run(
        [sys.executable, "-c", WRITES, tmp_path / "file"],
        env={**os.environ, "LD_PRELOAD": str(shim), **chaos},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split("\n")[:-1], done.returncode) == (said, code)
    written = {"kill": 8, "killed": 16, "once": 24, "short": 12}.get(kind, 8)
    assert (tmp_path / "file").stat().st_size == written


def test_a_seed_draws_the_same_plans() -> None:
    first, second = (
        [draw(rng, 4.0, io_faults=True) for _ in range(300)]
        for rng in (random.Random(3), random.Random(3))
    )
    assert first == second
    assert {plan.io.kind for plan in first if plan.io is not None} == set(IO_KINDS)


def test_each_difference_is_found() -> None:
    one, two = {"url": "1", "title": "a"}, {"url": "2", "title": "b"}
    empty: dict[str, Any] = {"pages": {}, "failures": {}, "skipped": {}}
    whole = {**empty, "pages": {"1": one}, "failures": {"3": {"error": "dns"}}}
    found = {**empty, "pages": {"1": two}, "skipped": {"3": {"reason": "robots"}}}
    assert sorted(differences(whole, found)) == [
        "failures: lost 3",
        "pages: other 1",
        "skipped: new 3",
    ]
    assert not list(differences(whole, whole))
