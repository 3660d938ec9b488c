"""What a worker may have, by the limits of its process."""

import subprocess
import sys

import pytest

_SAY = """
import resource
from crawler.parsing.executors import memory_limit as m
print(m.memory_limit(), m.is_short_of_memory())
m.limit_memory()
print(resource.getrlimit(resource.RLIMIT_DATA)[0])
data = bytearray(300_000_000)
print(m.is_short_of_memory())
"""


def said(*limits: str) -> list[str]:
    done = subprocess.run(
        ["prlimit", *limits, sys.executable, "-c", _SAY], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_without_limits_it_is_four_gigabytes() -> None:
    assert said("--data=unlimited") == [str(4 << 30), "False", str(4 << 30), "False"]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("--data=330000000", ["330000000", "False", "330000000", "True"]),
        ("--data=900000000:", ["900000000", "False", "900000000", "False"]),
        ("--as=370000000", [str(4 << 30), "False", str(4 << 30), "True"]),
    ],
)
@pytest.mark.promise("P67")
def test_lower_limits_are_kept(limit: str, expected: list[str]) -> None:
    assert said(limit) == expected
