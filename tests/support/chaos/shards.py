"""Kills the processes of a sharded crawl at random, and compares its end with that of one crawl."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from support.books import check_books, records
from support.chaos.trial import differences
from support.chaos.web import Web, WebOptions
from support.killing import inherit, processes_of, resuming, wait_for_end_of_session
from support.processes import descendants

HOSTS = 11
SHARDS = 5
_LONGEST_S = 1.2
"""Seconds from one kill to the next, at most."""
_PATIENCE_S = 300.0
_GIVEN_UP = "sessions ended without a result"
"""What a driver says of a shard whose slices were killed too often in a row."""


class ShardTrial(msgspec.Struct, frozen=True):
    """What was ``wrong`` with a crawl, nothing if all is well; ``kills`` by their target."""

    kills: dict[str, int]
    pages: int
    wrong: tuple[str, ...]


def trial(folder: Path, pages: int, kills: int, seed: int) -> ShardTrial:
    """Crawl once without shards, and once in shards with so many ``kills``."""
    rng = random.Random(seed)
    with Web(WebOptions(pages, HOSTS, seed)) as web:
        urls = folder / "list"
        urls.write_text("\n".join(web.urls[::3]))
        command = [sys.executable, "-m", "crawler", "crawl", str(urls), "--follow", "--quiet"]
        command += ["--timeout", "2", "--delay", "0", "--per-host", "8", "--parse", "inline"]
        wrong = [*_finish(command, folder / "whole")]
        # So slow that it lasts as long as the kills.
        rate = max(10.0, pages / (kills * _LONGEST_S / 2))
        sharded = [*command, "--on", "local:2", "--shards", str(SHARDS), "--slice", "2"]
        run, done = folder / "run", Counter[str]()
        while kills > done.total():
            ended = _disturb([*sharded, "--rate", f"{rate:g}"], run, kills, done, rng)
            if ended is not None:
                wrong += ended
                break
        wrong += _finish(sharded, run)
    try:
        expected, found = records(folder / "whole"), records(run)
        check_books(run)
    except (AssertionError, OSError) as error:
        return ShardTrial(dict(done), 0, (*wrong, str(error)))
    return ShardTrial(dict(done), len(found["pages"]), (*wrong, *differences(expected, found)))


def _finish(command: Sequence[str], run: Path) -> Iterator[str]:
    done = subprocess.run(
        resuming(command, run),
        env=inherit(),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    if done.returncode:
        yield f"the last session ended with {done.returncode}: {done.stderr}"


def _disturb(
    command: Sequence[str], run: Path, kills: int, done: "Counter[str]", rng: random.Random
) -> list[str] | None:
    """One session of the driver; what was wrong with it, or None if another one has to follow."""
    with subprocess.Popen(
        resuming(command, run),
        env=inherit(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        while done.total() < kills and not _has_ended(process, rng.uniform(0.1, _LONGEST_S)):
            done[_kill(process.pid, rng)] += 1
        _, errors = process.communicate(timeout=_PATIENCE_S)
    wait_for_end_of_session(process.pid)
    if process.returncode == -signal.SIGKILL or (process.returncode == 1 and _GIVEN_UP in errors):
        return None
    return [f"exit code {process.returncode}: {errors}"] if process.returncode else []


def _kill(leader: int, rng: random.Random) -> str:
    """Kill a slice, or the driver, or everything; return which."""
    what = rng.choice(["slice"] * 8 + ["driver", "all"])
    slices = [pid for pid in descendants(leader) if _is_slice(pid)]
    if what == "slice" and slices:
        pids = [rng.choice(slices)]
    elif what == "all":
        pids = processes_of(leader)
    else:
        what, pids = "driver", [leader]
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return what


def _is_slice(pid: int) -> bool:
    with suppress(OSError):
        return b"crawler.distributed.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _has_ended(process: "subprocess.Popen[str]", seconds: float) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return True
    return False
