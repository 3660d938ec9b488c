"""Reads the files of a run directory for its report."""

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from crawler.metrics.report import Report
from crawler.metrics.timeline import Line
from crawler.model.errors import StateError, UsageError
from crawler.model.pages import Failure, Skipped

T = TypeVar("T")

EXAMPLES = 200
"""A report shows at most this many records of one file."""
ROWS = 100
"""The table of shards has at most so many."""
_CHUNK = 1 << 20


class ShardRow(msgspec.Struct, frozen=True):
    """A shard in the table of shards; ``place`` is its directory, from that of the run."""

    name: str
    place: str
    pages: int
    failed: int
    pending: int
    sessions: int
    killed: int


class ShardedFiles(msgspec.Struct, frozen=True):
    """What is special to a sharded crawl.

    ``rows`` are its shards, or some of them. ``responses`` are those per second in equal steps of
    the ``time_s`` seconds in which a shard was crawled. The timeline is that of the last sessions
    of ``timelines`` shards, which got ``of_timelines`` responses.
    """

    rows: tuple[ShardRow, ...]
    responses: tuple[float, ...]
    time_s: float
    timelines: int
    of_timelines: int


class RunFiles(msgspec.Struct, frozen=True):
    """A crawl that has ended. ``failures`` and ``skips`` are examples of each kind and reason.

    ``settings`` are names and values as written in ``settings.toml``, ``files`` are names and sizes
    in bytes.
    """

    name: str
    report: Report
    timeline: list[Line]
    failures: list[Failure]
    skips: list[Skipped]
    settings: list[tuple[str, str]]
    files: list[tuple[str, int]]
    sharded: ShardedFiles | None = None


def read_run(directory: Path) -> RunFiles:
    """Read everything in a crawl's run directory that the report shows.

    Raises StateError for a file that is missing or that this version did not write.
    """
    report = read_record(directory / "report.json", Report)
    failures = read_lines(directory / "failures.jsonl", Failure)
    skips = read_lines(directory / "skipped.jsonl", Skipped)
    return RunFiles(
        name=directory.resolve().name,
        report=report,
        timeline=list(read_lines(directory / "timeline.jsonl", Line)),
        failures=examples(((each.error.value, each) for each in failures), report.errors),
        skips=examples(((each.reason.value, each) for each in skips), report.skips),
        settings=read_settings(directory / "settings.toml"),
        files=list(list_files(directory)),
    )


def check(directory: Path) -> None:
    """Raise UsageError if ``directory`` does not hold a run that has ended."""
    if not directory.is_dir():
        raise UsageError(f"{directory}: no such run directory")
    if not any((directory / name).exists() for name in ("report.json", "compare.json")):
        raise UsageError(
            f"{directory}: does not hold a run that has ended (no report.json or compare.json)"
        )


def read_record(path: Path, kind: type[T]) -> T:
    """Read the one JSON object in ``path``. Raises StateError."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None
    return decode_record(path, text, kind)


def decode_record(path: Path, text: bytes, kind: type[T]) -> T:
    """Decode a JSON object that is in ``path``. Raises StateError."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise StateError(f"{path}: not a file this version wrote ({error})") from None


def read_lines(path: Path, kind: type[T], end: int | None = None) -> Iterator[T]:
    """Read the JSON objects in ``path`` lazily, one per line, in the first ``end`` bytes.

    Raises StateError.
    """
    decoder = msgspec.json.Decoder(kind)
    number = 0
    try:
        with path.open("rb", buffering=_CHUNK) as file:
            place = 0
            for number, line in enumerate(file, 1):  # noqa: B007 - the error names it
                place += len(line)
                if end is not None and place > end:
                    break
                yield decoder.decode(line)
    except OSError as error:
        raise unreadable(path, error) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise StateError(
            f"{path}, line {number}: not a record this version wrote ({error})"
        ) from None


def examples(records: Iterable[tuple[str, T]], counts: dict[str, int]) -> list[T]:
    """Choose the first few of each kind, at most ``EXAMPLES``, the most frequent kind first.

    ``records`` (kind and record) are read only as far as needed; ``counts`` is how many there are
    of each kind.
    """
    each = max(1, EXAMPLES // max(1, len(counts)))
    ranked = sorted(counts, key=lambda kind: -counts[kind])
    found: dict[str, list[T]] = {kind: [] for kind in ranked}
    missing = sum(min(each, n) for n in counts.values())
    for kind, record in records:
        if missing <= 0:
            break
        chosen = found.setdefault(kind, [])
        if len(chosen) < each:
            chosen.append(record)
            missing -= 1
    return [record for chosen in found.values() for record in chosen]


def read_settings(path: Path) -> list[tuple[str, str]]:
    """Names and values in ``settings.toml``, as written there. Raises StateError."""
    try:
        settings = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise unreadable(path, error) from None
    except ValueError as error:
        raise StateError(f"{path}: not a file this version wrote ({error})") from None
    return [
        (name, msgspec.json.encode(value, enc_hook=str).decode())
        for name, value in settings.items()
    ]


def list_files(directory: Path) -> Iterator[tuple[str, int]]:
    """Names and sizes in bytes."""
    for path in sorted(directory.iterdir()):
        if path.is_file() and path.name != "report.html":
            yield path.name, path.stat().st_size


def unreadable(path: Path, error: OSError) -> StateError:
    """The error for a file that cannot be read."""
    return StateError(f"{path}: {error.strerror or error}")
