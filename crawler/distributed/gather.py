"""Makes the files of ``--out`` and ``--record`` from those of the shards.

A shard writes into its own directory. What several files have one after the other is a file of the
same format: lines of JSON, and records of WARC, also compressed.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from crawler.app.output_files import draft_of, replacing
from crawler.app.run_dir import Run
from crawler.model.errors import StateError, UsageError, writing
from crawler.model.files import make_folders, open_file
from crawler.runs.layout import PAGES, RECORD
from crawler.runs.shards import ShardState, numbers, read_shards
from crawler.settings import Settings
from crawler.sinks.formats import format_of
from crawler.sinks.stdout import StdoutWriter

AT_ONCE = 1 << 20
"""Bytes that are copied at once."""
PRINTED = "printed"
"""The name of the fact that has how many bytes of pages of each shard were printed."""


class FilePart(msgspec.Struct, frozen=True):
    """The bytes from ``start`` to ``end`` of the file at ``path``."""

    path: Path
    start: int
    end: int

    def chunks(self) -> Iterator[bytes]:
        """Raises StateError if the file is shorter."""
        left = self.end - self.start
        with writing(self.path):
            if not left:
                return
            with self.path.open("rb") as file:
                file.seek(self.start)
                while left and (chunk := file.read(min(left, AT_ONCE))):
                    left -= len(chunk)
                    yield chunk
        if left:
            raise StateError(f"{self.path}: is shorter than what was written; restore the file")


def own_outputs(settings: Settings, directory: Path) -> dict[str, object]:
    """The options, by name, with which the shard in ``directory`` writes its own files.

    What several machines append to one log can be torn, so each shard has a log, too.
    """
    record, log = settings.record, settings.log_file
    return {
        "out": (),
        "record": None if record is None else str(record_in(directory, record)),
        "log_file": None if log is None else str(directory / f"log-{Path(log).name}"),
    }


def record_in(directory: Path, name: str) -> Path:
    """Where the shard in ``directory`` writes its part of the archive ``name``."""
    return directory / "record" / Path(name).name


def check_outputs(settings: Settings) -> None:
    """Raise UsageError for a format that cannot be joined."""
    for place in settings.out:
        if not isinstance(place, str) or not _can_be_joined(place):
            raise UsageError(
                f"--out {place}: the pages of shards can only be joined as JSON lines; name a file "
                "that ends in .jsonl, and make others of the run with crawler export"
            )


def _can_be_joined(place: str) -> bool:
    return place == "-" or format_of(Path(place)) == format_of(Path(PAGES))


def prepare(settings: Settings) -> None:
    """Make the folders of the files. Raises StateError where no file can be created."""
    for place in _files(settings):
        with writing(place):
            make_folders(place.parent)
            os.close(open_file(draft_of(place), os.O_WRONLY | os.O_CREAT))
            draft_of(place).unlink()


def _files(settings: Settings) -> list[Path]:
    names = [each for each in settings.out if isinstance(each, str) and each != "-"]
    return [Path(each) for each in (*names, *([settings.record] if settings.record else []))]


def join(run: Run) -> None:
    """Make the files of ``run`` from what its shards have committed. Raises StateError.

    Standard output gets what no earlier session has printed.
    """
    settings, shards = run.settings, read_shards(run.directory)
    for place in settings.out:
        if place == "-":
            _print(run, shards)
        elif isinstance(place, str):
            _write(Path(place), _pages(shards, {}))
    if settings.record is not None:
        name = settings.record
        _write(
            Path(name),
            [
                FilePart(record_in(each.directory, name), 0, each.facts.offsets.get(RECORD, 0))
                for each in shards
            ],
        )


def _pages(shards: Iterable[ShardState], printed: Mapping[int, int]) -> list[FilePart]:
    """The pages of each shard after the first bytes, of which ``printed`` says how many."""
    return [
        FilePart(
            each.directory / PAGES, printed.get(each.number, 0), each.facts.offsets.get(PAGES, 0)
        )
        for each in shards
    ]


def _write(place: Path, parts: Iterable[FilePart]) -> None:
    """Make the file at ``place``: all of it, or after a kill the old one."""
    with replacing(place) as draft, writing(place), draft.open("xb") as file:
        for part in parts:
            file.writelines(part.chunks())


def _print(run: Run, shards: Iterable[ShardState]) -> None:
    """Print the pages that were not printed yet, and remember that they were."""
    printed = numbers(run.store.facts.get(PRINTED, "{}"))
    with closing(StdoutWriter()) as output:
        for part in _pages(shards, printed):
            for chunk in part.chunks():
                output.append(chunk)
    now = {each.number: each.facts.offsets.get(PAGES, 0) for each in shards}
    facts = {PRINTED: msgspec.json.encode({**printed, **now}).decode()}
    run.store.commit(run.store.offsets, facts)
