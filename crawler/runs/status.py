"""Reads the progress of a run from another process, also during its crawl."""

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from crawler.frontier.state.status import busiest, last_commit, read_counts
from crawler.metrics.progress import RunProgress
from crawler.metrics.report import Urls
from crawler.model.errors import StateError, StateHeldError, UsageError
from crawler.model.files import read_file
from crawler.model.units import utc_now
from crawler.runs.layout import (
    LOCK,
    SETTINGS,
    STATE,
    is_input_cut,
    is_locked,
    is_run,
    is_sharded,
)
from crawler.runs.progress import progress_of
from crawler.runs.sharded import (
    ShardedProgress,
    busiest_hosts,
    counted,
    is_finished,
    sharded_progress,
)
from crawler.runs.shards import ShardState, read_input, read_shards, shard_directories
from crawler.settings import options
from crawler.settings.option import Given, from_file

_HOSTS = 10
_WAIT = 0.1
"""Seconds for which a state is waited for that a process has for itself."""


class Status(msgspec.Struct, frozen=True):
    """A run at its last commit. ``process`` is the id of the process that crawls it now, or None.

    If that process has the state for itself, the counts are those of ``progress``.
    ``finished`` is True if the whole input was read and no URL is pending. ``last_commit`` is
    ISO 8601, UTC. ``hosts`` has the number of pending URLs of the hosts with the most. ``resume``
    is the command that resumes the run, ``obstacle`` the reason why it cannot be resumed.
    ``progress`` is what the last session wrote last, or None. ``shards`` is about the shards of a
    sharded run, else None; then the counts are sums over them.
    """

    run: str
    running: bool
    finished: bool
    process: int | None
    last_commit: str
    urls: Urls
    bytes: int
    errors: dict[str, int]
    skips: dict[str, int]
    hosts: dict[str, int]
    resume: str | None
    obstacle: str | None
    progress: RunProgress | None = None
    shards: ShardedProgress | None = None


def status_of(directory: Path) -> Status:
    """Raises UsageError if there is no run, StateError if its state cannot be read."""
    if not is_run(directory):
        raise UsageError(f"there is no run in {directory}")
    return _of_shards(directory) if is_sharded(directory) else _of_one(directory)


def _of_one(directory: Path) -> Status:
    state = directory / STATE
    running = is_locked(directory)
    progress = progress_of(directory)
    try:
        committed = _committed(state)
    except StateHeldError:
        committed = _shown(progress)
    finished = committed.finished
    command, obstacle = (None, None) if running or finished else resume_command(directory)
    return Status(
        run=str(directory),
        running=running,
        finished=finished,
        process=_process(directory) if running else None,
        last_commit=_time(last_commit(state)),
        urls=committed.urls,
        bytes=committed.bytes,
        errors=_ranked(committed.errors),
        skips=_ranked(committed.skips),
        hosts=committed.hosts,
        resume=command,
        obstacle=obstacle,
        progress=progress,
    )


class _RunCounts(msgspec.Struct, frozen=True):
    """How far a run is."""

    urls: Urls = Urls()
    bytes: int = 0
    errors: Mapping[str, int] = {}
    skips: Mapping[str, int] = {}
    hosts: dict[str, int] = {}
    finished: bool = False


def _committed(state: Path) -> _RunCounts:
    counts, facts = read_counts(state, wait=_WAIT)
    finished = facts.get("input") == "read" and not counts.pending
    hosts = busiest(state, _HOSTS)
    return _RunCounts(Urls.of(counts), counts.bytes, counts.errors, counts.skips, hosts, finished)


def _shown(progress: RunProgress | None) -> _RunCounts:
    """What a process that has the state for itself has told so far."""
    if progress is None:
        return _RunCounts()
    return _RunCounts(progress.urls, progress.bytes, progress.errors, progress.skips)


def _of_shards(directory: Path) -> Status:
    running = is_locked(directory)
    of_input, shards = read_input(directory), read_shards(directory)
    counts, finished = counted(shards), is_finished(shards, of_input)
    command, obstacle = (None, None) if running or finished else resume_command(directory)
    return Status(
        run=str(directory),
        running=running,
        finished=finished,
        process=_process(directory) if running else None,
        last_commit=_time(max((each.committed for each in shards), default=0.0)),
        urls=counts.urls,
        bytes=counts.bytes,
        errors=_ranked(counts.errors),
        skips=_ranked(counts.skips),
        hosts=busiest_hosts(shards, _HOSTS, _hosts_of),
        resume=command,
        obstacle=obstacle,
        shards=sharded_progress(shards, of_input, utc_now()),
    )


def _hosts_of(shard: ShardState) -> dict[str, int]:
    """Empty if the process that crawls the shard keeps its state to itself."""
    try:
        return busiest(shard.directory / STATE, _HOSTS, wait=0, quiet=not shard.running)
    except StateError:
        if not shard.running:
            raise
        return {}


def since_commit(directory: Path, now: float) -> float:
    """Seconds from the last commit to ``now`` (Unix time)."""
    runs = [directory]
    if is_sharded(directory):
        runs = [each for _, each in shard_directories(directory)]
    return now - max((last_commit(each / STATE) for each in runs), default=0.0)


def _process(directory: Path) -> int | None:
    """Return the id of the process that holds the lock; None before it has written its id."""
    text = read_file(directory / LOCK).decode()
    return int(text) if text.isdecimal() else None


def resume_command(directory: Path) -> tuple[str | None, str | None]:
    """Return the command that resumes the run, with placeholders for secrets; or the obstacle."""
    try:
        settings = from_file(directory / SETTINGS, options(), of_run=True)
    except UsageError as error:
        return None, str(error)
    sources = _sources_to_give(directory, settings)
    command = ["crawler", "crawl", *sources, "--run", shlex.quote(str(directory)), "--resume"]
    command += _where(settings)
    for each in options():
        missing = each.missing(settings[each.name].value) if each.name in settings else ""
        if missing and not each.extra["secret"]:
            return None, f"{each.flag} must be given again, from Python: {missing}"
        if missing:
            command += [each.flag, each.extra["metavar"]]
    return " ".join(command), None


def _where(settings: Mapping[str, Given]) -> list[str]:
    """Return the flag with the workers of a sharded crawl; their address may have a password."""
    if "on" not in settings:
        return []
    address = str(settings["on"].value)
    return ["--on", "WHERE" if "@" in address else shlex.quote(address)]


def _sources_to_give(directory: Path, settings: Mapping[str, Given]) -> list[str]:
    """Return the sources, as they must be given again, if one of them had not ended."""
    sources: Any = settings["sources"].value if "sources" in settings else ()
    return [shlex.quote(each) for each in sources] if is_input_cut(directory, sources) else []


def _ranked(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
