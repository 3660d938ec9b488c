"""Which tests run: those that take minutes only where they are asked for, and then alone."""

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
LONG = "test_a_hundred_kills_lose_nothing"


def collected(*flags: str) -> set[str]:
    """Names of the tests in the file of ``LONG`` that pytest would run."""
    file = TESTS / "e2e" / "test_disasters.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "--quiet", *flags, file],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return {line.partition("::")[2] for line in done.stdout.splitlines() if "::" in line}


def test_long_runs_the_long_tests_alone() -> None:
    assert collected("--long") == {LONG}


def test_long_tests_do_not_run_otherwise() -> None:
    usual = collected()
    assert LONG not in usual
    assert "test_a_killed_parse_worker_costs_no_page" in usual
