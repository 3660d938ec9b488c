"""Which tests run: those that take minutes only where they are asked for, and then alone."""

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
LONG = "test_p35_killed_a_hundred_times_it_comes_to_what_an_uninterrupted_crawl_comes_to"


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


def test_long_tests_run_when_asked_for_and_then_alone() -> None:
    assert collected("--long") == {LONG}


def test_all_other_tests_run_else() -> None:
    usual = collected()
    assert LONG not in usual
    assert "test_p34_a_killed_parse_worker_costs_no_page" in usual
