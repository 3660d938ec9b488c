"""JSON Lines: one page per line, UTF-8, keys in the order of ``Page``."""

import msgspec

from crawler.model.pages import Failure, Page, Skipped
from crawler.sinks.base import Sink, SinkTarget
from crawler.sinks.file import FileWriter


def jsonl_sink(target: SinkTarget) -> Sink:
    """The output for ``.jsonl``. Raises StateError if the file cannot be opened."""
    return Sink(target.name, JsonlEncoder(), FileWriter(target.path, resumed=target.resumed))


class JsonlEncoder:
    """Encodes pages, and also failures and skips."""

    def encode(self, page: Page | Failure | Skipped) -> bytes:
        return _ENCODER.encode(page) + b"\n"


_ENCODER = msgspec.json.Encoder()
