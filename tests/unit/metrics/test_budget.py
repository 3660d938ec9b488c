import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from crawler.metrics.budget import Budget, Reading, ThreadClocks
from crawler.metrics.report import TimeBudget

SCHEDSTAT = Path("/proc/thread-self/schedstat")


def at(wall: float, cpu: float = 0.0, descheduled: float = 0.0) -> Reading:
    return Reading(wall, cpu, descheduled)


def test_idle_time_belongs_to_the_current_state() -> None:
    budget = Budget(at(100), "starved")
    budget.close(at(101), "waiting")
    budget.close(at(103), "politeness")
    budget.close(at(107), "backpressure")
    budget.close(at(115), "starved")
    assert budget.parts() == TimeBudget(starved=1, waiting=2, politeness=4, backpressure=8)
    assert (budget.started, budget.wall) == (100, 15)


def test_cpu_counts_before_time_without_a_core() -> None:
    budget = Budget(at(0, 5, 2), "waiting")
    budget.close(at(10, 8, 4), "waiting")
    assert budget.parts() == TimeBudget(computing=3, descheduled=2, waiting=5)


def test_parts_but_not_cpu_are_capped() -> None:
    budget = Budget(at(0), "waiting")
    budget.close(at(1, cpu=4, descheduled=1), "waiting")
    budget.close(at(2, cpu=4.75, descheduled=9), "waiting")
    assert budget.parts() == TimeBudget(computing=1.75, descheduled=0.25)
    assert budget.cpu == 4.75


def compute(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_clocks_count_only_the_calling_thread() -> None:
    other = threading.Thread(target=compute, args=(0.05,))
    with ThreadClocks() as clocks:
        before = clocks()
        other.start()
        other.join()
        between = clocks()
        compute(0.02)
        after = clocks()
    assert between.cpu - before.cpu < 0.04
    assert after.cpu - between.cpu >= 0.02
    assert between.wall - before.wall >= 0.05


def test_clocks_of_a_threaded_engine_count_all_cpu() -> None:
    other = threading.Thread(target=compute, args=(0.05,))
    with ThreadClocks(own_threads=True) as clocks:
        before = clocks()
        other.start()
        other.join()
        assert clocks().cpu - before.cpu >= 0.05


@pytest.mark.skipif(not SCHEDSTAT.exists(), reason="the system does not tell")
def test_time_without_a_core_is_measured() -> None:
    """The measured thread shares one core with a process that never rests."""
    core = {min(os.sched_getaffinity(0))}
    readings: list[Reading] = []

    def measured() -> None:
        os.sched_setaffinity(0, core)
        with ThreadClocks() as clocks:
            readings.append(clocks())
            compute(0.2)
            readings.append(clocks())

    spin = "print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", spin], stdout=subprocess.PIPE) as rival:
        try:
            os.sched_setaffinity(rival.pid, core)
            assert rival.stdout and rival.stdout.readline()
            thread = threading.Thread(target=measured)
            thread.start()
            thread.join()
        finally:
            rival.kill()
    first, last = readings
    assert 0.05 < last.descheduled - first.descheduled < last.wall - first.wall


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_clocks_close_their_file() -> None:
    with ThreadClocks() as clocks:
        clocks()
        opened = open_files()
    clocks.close()
    assert opened - open_files() == SCHEDSTAT.exists()
