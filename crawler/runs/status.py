"""Reads the progress of a run from another process, also during its crawl."""

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from crawler.frontier.state.status import busiest, last_commit, read_counts
from crawler.metrics.progress import RunProgress, decode
from crawler.metrics.report import Urls
from crawler.model.errors import StateError, StateHeldError, UsageError
from crawler.model.files import read_file
from crawler.runs.layout import (
    LOCK,
    PROGRESS,
    SETTINGS,
    STATE,
    is_input_cut,
    is_locked,
    is_run,
)
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
    ``progress`` is what the last session wrote last, or None.
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


def status_of(directory: Path) -> Status:
    """Raises UsageError if there is no run, StateError if its state cannot be read."""
    if not is_run(directory):
        raise UsageError(f"there is no run in {directory}")
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


def progress_of(directory: Path) -> RunProgress | None:
    """Read what the last session of a run wrote about itself; None if it is missing or damaged.

    It is only a view: a power failure may damage it, and nothing of the run depends on it.
    """
    try:
        return decode(read_file(directory / PROGRESS))
    except (OSError, StateError, msgspec.MsgspecError):
        return None


def since_commit(directory: Path, now: float) -> float:
    """Seconds from the last commit to ``now`` (Unix time)."""
    return now - last_commit(directory / STATE)


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
    for each in options():
        missing = each.missing(settings[each.name].value) if each.name in settings else ""
        if missing and not each.extra["secret"]:
            return None, f"{each.flag} must be given again, from Python: {missing}"
        if missing:
            command += [each.flag, each.extra["metavar"]]
    return " ".join(command), None


def _sources_to_give(directory: Path, settings: Mapping[str, Given]) -> list[str]:
    """Return the sources, as they must be given again, if one of them had not ended."""
    sources: Any = settings["sources"].value if "sources" in settings else ()
    return [shlex.quote(each) for each in sources] if is_input_cut(directory, sources) else []


def _ranked(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
