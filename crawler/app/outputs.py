"""Settings to the outputs of a run: page files, failures, skips and the archive."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from crawler.app.again import put_back
from crawler.app.hidden import header_names
from crawler.app.run_dir import Run
from crawler.model.errors import FetchError
from crawler.model.exchange import Request, Response
from crawler.model.secrets import Hide
from crawler.pipeline.final_states import Channels, FailureChannel
from crawler.runs.layout import FAILURES, LINKS, PAGES, RECORD, SKIPPED, page_outputs
from crawler.sinks.base import Sink, Writer
from crawler.sinks.file import FileWriter
from crawler.sinks.formats import format_of, make_encoder, make_writer
from crawler.sinks.jsonl import JsonlEncoder
from crawler.sinks.outputs import Channel, Outputs
from crawler.sinks.stdout import StdoutWriter

RecordExchange = Callable[[Request, Response | FetchError], None]


def page_sinks(run: Run) -> list[Sink]:
    """The page outputs of a run: those of ``--out``, or ``pages.jsonl``. Raises UsageError."""
    return [_page_sink(run, name, place) for name, place in page_outputs(run.settings).items()]


def _page_sink(run: Run, name: str, place: str | Sink | None) -> Sink:
    if isinstance(place, Sink):
        return msgspec.structs.replace(place, name=name)
    chosen = format_of(PAGES if place in (None, "-") else place)
    if place == "-":
        return Sink(name, make_encoder(chosen), StdoutWriter())
    path = run.directory / PAGES if place is None else Path(place)
    return Sink(name, make_encoder(chosen), make_writer(chosen, path, resumed=run.resumed))


def open_outputs(
    run: Run,
    sinks: Sequence[Sink],
    at_commit: Callable[[], None],
    hide: Hide,
    *,
    has_links: bool = False,
) -> Outputs:
    """All outputs of a run; on a resume each is cut back to what was committed, and loses the
    records of what ``--again`` puts back.

    ``hide`` takes the secrets out of the messages in the archive. With ``has_links`` there is one
    for what other shards have to fetch.
    Raises StateError where a file cannot be opened.
    """
    if run.resumed:
        put_back(run, run.settings.ends_again)
    writers = {sink.name: sink.writer for sink in sinks}
    with ExitStack() as undo:
        for name in (FAILURES, SKIPPED, *((LINKS,) if has_links else ())):
            writers[name] = FileWriter(run.directory / name, resumed=run.resumed)
            undo.callback(writers[name].close)
        if run.settings.record:
            writers[RECORD] = _archive(run, Path(run.settings.record), hide)
            undo.callback(writers[RECORD].close)
        if run.resumed:
            for name, writer in writers.items():
                if writer.can_cut:
                    # A run that was killed before its first commit has no offsets.
                    writer.cut(run.store.offsets.get(name, 0))
        undo.pop_all()
    return Outputs(writers, at_commit)


def _archive(run: Run, path: Path, hide: Hide) -> Writer:
    from crawler.sinks.warc.records import Secrecy
    from crawler.sinks.warc.writer import WarcWriter

    return WarcWriter(path, Secrecy(header_names(run.settings), hide), resumed=run.resumed)


def channels(outputs: Outputs, sinks: Sequence[Sink]) -> Channels:
    pages = tuple(outputs.open(sink.name) for sink in sinks)
    encoders = {FAILURES: JsonlEncoder().encode} | {sink.name: sink.failures for sink in sinks}
    failures = tuple(
        FailureChannel(outputs.open(name), encode)
        for name, encode in encoders.items()
        if encode is not None
    )
    return Channels(pages, failures, outputs.open(SKIPPED))


def recorder(channel: Channel) -> RecordExchange:
    """A function that writes each exchange into the archive behind ``channel``."""
    from crawler.sinks.warc import writer as warc

    def record(request: Request, answer: Response | FetchError) -> None:
        # A kept connection that died says nothing about the server; the request is sent again.
        if not (isinstance(answer, FetchError) and answer.reused):
            channel.put(warc.encode(request, answer))

    return record
