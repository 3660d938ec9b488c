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


class InputStreams:
    """The sources of a run that can be read only once.

    A resume reads the copies of earlier sessions. Where a source had not ended, its copy ends with
    CutInputError, unless the sources were ``given_again``: then they must begin with what was
    copied. ``known`` are the fingerprints of all sources. Raises UsageError and StateError.
    """

    def __init__(self, run: Run, known: str, *, given_again: bool = False) -> None:
        kinds = list(zip(run.settings.sources, known.splitlines(), strict=True))
        once = [source for source, kind in kinds if kind in (STDIN, PIPE)]
        if len(set(once)) < len(once):
            raise UsageError(f"{once[0]}: can be read only once, so name it once")
        self._run = run
        self._reads_again = given_again or not run.resumed
        self._copies: list[InputCopy] = []
        self.openers: Mapping[str, OpenStream] = {
            source: self._open(source, input_copy(run.directory, number, source))
            for number, (source, kind) in enumerate(kinds, start=1)
            if kind in (STDIN, PIPE)
        }
        """What opens each of these sources."""

    def stop(self) -> None:
        """A signal stops the crawl: an input that ends now may have been stopped by it as well."""
        for copy in self._copies:
            copy.stop()

    def finish(self) -> None:
        """No signal stopped the crawl: what has ended is complete."""
        for copy in self._copies:
            copy.finish()

    def _open(self, source: str, path: Path) -> OpenStream:
        part = input_part(path)
        if path.exists():
            read_copy(path).close()  # a damaged one is refused before the first request
            return partial(read_copy, path)
        if self._run.store.counts.taken and not part.exists():
            raise UsageError(f"{source}: cannot be read a second time, and {path} is missing")
        if not self._reads_again:
            return partial(read_part, part)
        copy = InputCopy(_opened(source), part, path)
        copy.start()
        self._copies.append(copy)
        return copy.open


def _opened(source: str) -> RawIOBase:
    return standard_input() if source == STDIN else Pipe(Path(source))
