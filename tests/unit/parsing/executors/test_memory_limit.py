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
    ],
)
@pytest.mark.promise("P67")
def test_lower_limits_are_kept(limit: str, expected: list[str]) -> None:
    assert said(limit) == expected


_AS = """
import resource
from pathlib import Path
from crawler.parsing.executors.memory_limit import is_short_of_memory
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 330_000_000, resource.RLIM_INFINITY))
print(is_short_of_memory())
data = bytearray(310_000_000)
print(is_short_of_memory())
"""


@pytest.mark.promise("P67")
def test_a_limit_of_addresses_counts_as_well() -> None:
    done = subprocess.run([sys.executable, "-c", _AS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
