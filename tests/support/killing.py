"""Kills crawls at random moments, resumes them, and checks their results."""

import hashlib
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crawler.frontier.state.status import read_counts

RECORDS = ("pages", "failures", "skipped")
GRACE = 10.0
"""Seconds after which all processes of a killed crawl must have ended."""
_BY_CHANCE = ("fetched_at", "elapsed_ms", "attempts", "depth")
"""Fields that depend on when a page was fetched: a page on two paths has the depth of the first."""


def crawl_killed(
    command: Sequence[str],
    run: Path,
    moments: Sequence[float],
    env: Mapping[str, str] | None = None,
) -> list[int]:
    """Crawl into ``run``: SIGKILL it ``moments`` seconds after each start, resume it, finish it.

    ``command`` starts a new crawl, without ``--run``. Returns, for each kill that hit a live crawl,
    how many entries had a final state on disk after it.
    """
    kept = [
        _final(run) for moment in moments if _start_and_kill(resuming(command, run), moment, env)
    ]
    done = subprocess.run(
        resuming(command, run), env=env, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return kept


def _final(run: Path) -> int:
    if not (run / "state.db").exists():
        return 0
    counts, _ = read_counts(run / "state.db")
    return counts.done + counts.failed + counts.skipped


def resuming(command: Sequence[str], run: Path) -> list[str]:
    """``command`` for ``run``: with ``--resume`` if it has begun."""
    whole = [*command, "--run", str(run)]
    return [*whole, "--resume"] if (run / "state.db").exists() else whole


def _start_and_kill(command: Sequence[str], moment: float, env: Mapping[str, str] | None) -> bool:
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), errors.decode()
    wait_for_end_of_session(process.pid)
    return process.returncode != 0


def wait_for_end_of_session(session: int) -> None:
    """Fail if a process of ``session`` outlives its leader by more than ``GRACE``."""
    deadline = time.monotonic() + GRACE
    while members := processes_of(session):
        assert time.monotonic() < deadline, f"still alive: {members}"
        time.sleep(0.02)


def processes_of(session: int) -> list[int]:
    """Live processes of ``session``, without zombies (proc(5))."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def outcome(run: Path) -> dict[str, dict[str, Any]]:
    """The records of a run by file and URL, without fields that depend on chance.

    Fails for a torn line, or if a URL has more than one record.
    """
    found = {}
    seen: Counter[str] = Counter()
    for name in RECORDS:
        text = (run / f"{name}.jsonl").read_text()
        assert not text or text.endswith("\n"), f"{name}.jsonl ends within a line"
        records = [json.loads(line) for line in text.splitlines()]
        seen.update(record["url"] for record in records)
        found[name] = {record["url"]: _timeless(record) for record in records}
    twice = [url for url, times in seen.items() if times > 1]
    assert not twice, f"recorded more than once: {twice[:5]}"
    return found


def _timeless(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in _BY_CHANCE}


def difference(killed: Path, whole: Path) -> str:
    """The differences of a killed and resumed run from an undisturbed one; empty if none."""
    found, expected = outcome(killed), outcome(whole)
    lines = []
    for name in RECORDS:
        lost = expected[name].keys() - found[name].keys()
        more = found[name].keys() - expected[name].keys()
        changed = [
            url
            for url in found[name].keys() & expected[name].keys()
            if found[name][url] != expected[name][url]
        ]
        lines += [f"{name}: lost {url}" for url in sorted(lost)]
        lines += [f"{name}: too much {url}" for url in sorted(more)]
        lines += [f"{name}: other {url}" for url in sorted(changed)]
    return "\n".join(lines)


def moments(count: int, longest: float, seed: int) -> list[float]:
    """Seconds after the start at which to kill, uniformly random."""
    rng = random.Random(seed)
    return [rng.uniform(0.05, longest) for _ in range(count)]


def digest(run: Path) -> str:
    """A hash of the outcome of a run."""
    text = json.dumps(outcome(run), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def inherit(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRAWLER_")}
    return {**kept, **changes}
