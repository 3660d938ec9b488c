"""Standard input and named pipes: copied into the run, and read from the copy on a resume."""

from collections.abc import Mapping
from functools import partial
from io import RawIOBase
from pathlib import Path

from crawler.app.run_dir import Run
from crawler.model.errors import UsageError
from crawler.runs.layout import input_copy, input_part
from crawler.sources import (
    PIPE,
    STDIN,
    InputCopy,
    OpenStream,
    Pipe,
    read_copy,
    read_part,
    standard_input,
)


def open_streams(run: Run, known: str, *, given_again: bool) -> Mapping[str, OpenStream]:
    """Return what opens each source that can be read only once, and start to copy these sources.

    ``known`` are the fingerprints of all sources. A resume reads the copies; where a source had
    not ended, its copy ends with CutInputError, unless the sources were ``given_again``: then they
    must begin with what was copied. Raises UsageError and StateError.
    """
    return {
        source: _stream(run, source, number, given_again=given_again)
        for number, (source, kind) in enumerate(
            zip(run.settings.sources, known.splitlines(), strict=True), start=1
        )
        if kind in (STDIN, PIPE)
    }


def _stream(run: Run, source: str, number: int, *, given_again: bool) -> OpenStream:
    path = input_copy(run.directory, number, source)
    part = input_part(path)
    if path.exists():
        return partial(read_copy, path)
    if run.store.counts.taken and not part.exists():
        raise UsageError(f"{source}: cannot be read a second time, and {path} is missing")
    if run.resumed and not given_again:
        return partial(read_part, part)
    copy = InputCopy(_opened(source), part, path)
    copy.start()
    return copy.open


def _opened(source: str) -> RawIOBase:
    return standard_input() if source == STDIN else Pipe(Path(source))
