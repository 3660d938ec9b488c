"""The clock of a page: it stands still while its worker cannot run."""

import os
import signal
import subprocess
import sys
import time

import pytest

from crawler.parsing.executors.page_age import PageAge, core_delay, is_stopped


def test_time_at_one_page_adds_up() -> None:
    age = PageAge(most=1.0)
    age.begin(7)
    for _ in range(4):
        age.add(0.5, delay=0.0)
    assert (age.page, age.seconds) == (7, 2.0)


def test_another_page_begins_anew() -> None:
    age = PageAge(most=1.0)
    age.begin(7)
    age.add(0.5, 0.0)
    age.begin(8)
    assert (age.page, age.seconds) == (8, 0.0)


@pytest.mark.promise("P50")
def test_a_long_absence_of_the_parent_counts_little() -> None:
    age = PageAge(most=0.1)
    age.begin(7)
    age.add(60.0, 0.0)
    assert age.seconds == 0.1


@pytest.mark.promise("P50")
def test_waiting_for_a_core_does_not_count() -> None:
    age = PageAge(most=1.0)
    age.begin(7)
    age.add(0.5, delay=100.0)  # what it has waited before is not known, and does not matter
    age.add(0.5, delay=100.4)
    assert age.seconds == pytest.approx(0.6)


@pytest.mark.promise("P50")
def test_a_wait_that_ends_later_is_subtracted_then() -> None:
    """The kernel adds a wait when it ends, so looks in between have counted it as time."""
    age = PageAge(most=1.0)
    age.begin(7)
    for _ in range(4):
        age.add(0.25, delay=5.0)
    age.add(0.25, delay=5.9)
    assert age.seconds == pytest.approx(0.35)


def test_it_is_never_negative() -> None:
    age = PageAge(most=1.0)
    age.begin(7)
    age.add(0.1, 0.0)
    age.add(0.1, 10.0)
    assert age.seconds == 0.0


def test_the_kernel_says_that_a_process_is_stopped() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert not is_stopped(process.pid)
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        assert is_stopped(process.pid)
        process.kill()
    assert not is_stopped(process.pid), "it has ended"


def test_the_kernel_says_how_long_a_process_waited_for_a_core() -> None:
    core = min(os.sched_getaffinity(0))
    spin = f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
    processes = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(2)]
    try:
        until = time.monotonic() + 20
        while not all(core_delay(each.pid) > 0.1 for each in processes):
            assert time.monotonic() < until
    finally:
        for each in processes:
            each.kill()
            each.wait()
    assert core_delay(processes[0].pid) == 0.0, "it has ended"
