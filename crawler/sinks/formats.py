"""The output formats by suffix: the encoder of pages, and the writer.

A new format is one file next to this one and one row here.
"""

from pathlib import Path
from types import MappingProxyType

import msgspec

from crawler.model.errors import UsageError
from crawler.model.plugins import load
from crawler.sinks.base import Encoder, Writer


class Format(msgspec.Struct, frozen=True):
    """``module:class`` of the encoder, and of the writer.

    The encoder takes no arguments, the writer takes the path and ``resumed``.
    """

    encoder: str
    writer: str


FORMATS = MappingProxyType(
    {
        ".jsonl": Format("crawler.sinks.jsonl:JsonlEncoder", "crawler.sinks.file:FileWriter"),
    }
)


def format_of(place: str) -> Format:
    """The format for the suffix of ``place``. Raises UsageError for an unknown suffix."""
    found = next((each for suffix, each in FORMATS.items() if place.endswith(suffix)), None)
    if found is None:
        raise UsageError(
            f"--out {place}: the suffix selects the format; use one of {', '.join(FORMATS)}"
        )
    return found


def make_encoder(chosen: Format) -> Encoder:
    encoder: Encoder = load(chosen.encoder)()
    return encoder


def make_writer(chosen: Format, path: Path, *, resumed: bool) -> Writer:
    """Open ``path``, which must not exist unless ``resumed``. Raises StateError."""
    writer: Writer = load(chosen.writer)(path, resumed=resumed)
    return writer
