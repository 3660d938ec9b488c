"""The output formats by suffix: who encodes a page, and who writes it.

A new format is one file beside this one and one row here.
"""

from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from crawler.model.errors import UsageError
from crawler.sinks.base import Encoder, Writer


class Format(msgspec.Struct, frozen=True):
    """``module:class`` of the encoder, made without arguments, and of the writer, which takes the
    path and ``resumed``.
    """

    encoder: str
    writer: str


FORMATS = MappingProxyType(
    {
        ".jsonl": Format("crawler.sinks.jsonl:JsonlEncoder", "crawler.sinks.file:FileWriter"),
    }
)


def format_of(place: str) -> Format:
    """The format that the suffix of ``place`` picks. Raises UsageError for an unknown one."""
    found = next((each for suffix, each in FORMATS.items() if place.endswith(suffix)), None)
    if found is None:
        raise UsageError(
            f"--out {place}: the suffix picks the format; known is {', '.join(FORMATS)}"
        )
    return found


def make_encoder(chosen: Format) -> Encoder:
    encoder: Encoder = _load(chosen.encoder)()
    return encoder


def make_writer(chosen: Format, path: Path, *, resumed: bool) -> Writer:
    """Open ``path``, which must not exist unless ``resumed``. Raises StateError."""
    writer: Writer = _load(chosen.writer)(path, resumed=resumed)
    return writer


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
