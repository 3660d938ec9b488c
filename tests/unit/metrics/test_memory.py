import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from crawler.metrics.memory import rss_peak

HOG = "hog = b'x' * 200_000_000; del hog; print(flush=True); input()"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
def test_memory_peaks_of_processes_are_added_up() -> None:
    alone = rss_peak()
    command = [sys.executable, "-c", HOG]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as hog:
        assert hog.stdout and hog.stdout.readline()
        together = rss_peak([hog.pid])
        hog.communicate(b"\n")
    assert 200 <= together - alone < 300


def test_an_ended_process_counts_no_memory() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert rss_peak([gone.pid]) == pytest.approx(rss_peak(), rel=0.05)


def test_this_process_counts_once() -> None:
    assert rss_peak([os.getpid()]) == pytest.approx(rss_peak(), rel=0.05)


def test_memory_of_this_process_is_always_known() -> None:
    unit = 1 if sys.platform == "darwin" else 1024
    known = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    assert 0.5 * known <= rss_peak() <= 1.1 * known


def test_without_proc_only_the_own_peak_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_: Path) -> bytes:
        raise FileNotFoundError

    with_proc = rss_peak()
    monkeypatch.setattr(Path, "read_bytes", unreadable)
    assert rss_peak([1]) >= 0.9 * with_proc
