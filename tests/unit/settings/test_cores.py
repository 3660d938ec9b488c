"""How many cores this process may use."""

import os
import subprocess
import sys

import pytest

from crawler.settings import Settings, usable_cores


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system cannot pin a process to a core"
)
def test_only_cores_of_the_process_count() -> None:
    core = min(os.sched_getaffinity(0))
    code = (
        "import os; from crawler.settings import Settings, usable_cores; "
        f"os.sched_setaffinity(0, {{{core}}}); print(usable_cores(), Settings().parse_workers)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["1", "1"]


@pytest.mark.parametrize(("counted", "cores"), [(6, 6), (None, 1)])
def test_without_affinity_all_cores_count(
    counted: int | None, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert usable_cores() == cores
    assert Settings().parse_workers == cores
    assert Settings(workers=3).parse_workers == 3
