"""Settings to the outputs of a run: page files and the archive."""

from collections.abc import Callable
from pathlib import Path

from crawler.app.run_dir import Run
from crawler.model.errors import FetchError, UsageError
from crawler.model.exchange import Request, Response
from crawler.sinks.base import Encoder, Writer
from crawler.sinks.file import FileWriter
from crawler.sinks.jsonl import JsonlEncoder
from crawler.sinks.output import Output
from crawler.sinks.stdout import StdoutWriter
from crawler.sinks.warc import writer
from crawler.sinks.warc.writer import WarcWriter

Sink = tuple[Encoder, Writer]


def page_sinks(run: Run) -> list[Sink]:
    """The page files of a run: those of ``--out``, or ``pages.jsonl``. Raises UsageError."""
    places = run.settings.out or (str(run.directory / "pages.jsonl"),)
    return [page_sink(place, resumed=run.resumed) for place in places]


def page_sink(place: str, *, resumed: bool) -> Sink:
    if place == "-":
        return JsonlEncoder(), StdoutWriter()
    if Path(place).suffix != ".jsonl":
        raise UsageError(f"--out {place}: the suffix picks the format; known is .jsonl")
    return JsonlEncoder(), FileWriter(output_path("--out", place, resumed), resumed=resumed)


def archive_writer(place: str, *, resumed: bool) -> Writer:
    """Raises UsageError where the archive exists already, StateError where it cannot be written."""
    return WarcWriter(output_path("--record", place, resumed), resumed=resumed)


def output_path(flag: str, place: str, resumed: bool) -> Path:
    """Raises UsageError where a new run would write over something."""
    path = Path(place)
    if path.exists() and not resumed:
        raise UsageError(f"{flag} {place}: exists already, and is not overwritten")
    return path


def recorder(output: Output, number: int) -> Callable[[Request, Response | FetchError], None]:
    """What hands exchanges to writer ``number`` of ``output``."""

    def record(request: Request, answer: Response | FetchError) -> None:
        # A kept connection that had died says nothing of the server, and the request is repeated.
        if not (isinstance(answer, FetchError) and answer.reused):
            output.put(number, writer.encode(request, answer))

    return record
