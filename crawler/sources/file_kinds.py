"""What a file is, by its first bytes: a text, or something that has no lines."""

import re
from typing import NamedTuple

from crawler.model.errors import UsageError
from crawler.model.text_declared import UTF_32

_SAMPLE = 4096
_TEXT_CONTROLS = b"\t\n\v\f\r\x1a\x1b"
_CONTROLS = bytes(set(range(0x20)) - set(_TEXT_CONTROLS)) + b"\x7f"
_LEAST, _MOST_CONTROLS = 1024, 0.05
"""So many bytes, and such a share of control characters, tell a binary file of unknown kind, if no
line begins with a URL."""

_SPREADSHEET = "save the sheet with the URLs as CSV"
_DATABASE = "export the URLs as CSV"
_DOCUMENT = "copy the URLs into a text file, one per line"
_ARCHIVE = "unpack it, and name the list in it"
_OTHER = "name a text file with one URL per line"


class _Binary(NamedTuple):
    magic: bytes
    name: str
    advice: str
    at: int = 0


def _compressed(magic: bytes, name: str, program: str) -> _Binary:
    return _Binary(
        magic, f"compressed with {name}", f"decompress it: {program} FILE | crawler crawl -"
    )


_KINDS = (
    _compressed(b"\x1f\x8b\x08", "gzip", "gzip -dc"),
    _compressed(b"\x1f\x9d", "compress", "gzip -dc"),
    _compressed(b"BZh", "bzip2", "bzip2 -dc"),
    _compressed(b"\xfd7zXZ\x00", "xz", "xz -dc"),
    _compressed(b"\x28\xb5\x2f\xfd", "zstd", "zstd -dc"),
    _compressed(b"\x04\x22\x4d\x18", "lz4", "lz4 -dc"),
    _compressed(b"LZIP", "lzip", "lzip -dc"),
    _Binary(b"7z\xbc\xaf\x27\x1c", "a 7z archive", _ARCHIVE),
    _Binary(b"Rar!\x1a\x07", "a rar archive", _ARCHIVE),
    _Binary(b"ustar", "a tar archive", _ARCHIVE, 257),
    _Binary(b"%PDF-", "a PDF", _DOCUMENT),
    _Binary(b"{\\rtf", "a document in RTF", _DOCUMENT),
    _Binary(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a file of Microsoft Office", _SPREADSHEET),
    _Binary(b"SQLite format 3\x00", "an SQLite database", _DATABASE),
    _Binary(b"PAR1", "a Parquet file", _DATABASE),
    _Binary(b"ARROW1", "an Arrow file", _DATABASE),
    _Binary(b"FEA1", "a Feather file", _DATABASE),
    _Binary(b"Obj\x01", "an Avro file", _DATABASE),
    _Binary(b"ORC", "an ORC file", _DATABASE),
    _Binary(b"\x89HDF\r\n\x1a\n", "an HDF5 file", _DATABASE),
    _Binary(b"bplist00", "a binary property list", _DOCUMENT),
    _Binary(b"\x89PNG\r\n\x1a\n", "a picture", _OTHER),
    _Binary(b"\xff\xd8\xff", "a picture", _OTHER),
    _Binary(b"GIF8", "a picture", _OTHER),
    _Binary(b"RIFF", "a picture or a recording", _OTHER),
    _Binary(b"\x7fELF", "a program", _OTHER),
)
_URL_LINE = re.compile(rb"(?:^|[\r\n])https?://", re.IGNORECASE)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def check_text(head: bytes, name: str) -> None:
    """Raise UsageError if a file that begins with ``head`` is not a text in bytes."""
    found = _binary(head)
    if found is not None:
        raise UsageError(f"{name}: is {found.name}, not a list of URLs: {found.advice}")


def _binary(head: bytes) -> _Binary | None:
    if head.startswith(UTF_32):
        return _Binary(b"", "UTF-32", "save it as UTF-8")
    if head.startswith(_ZIP):
        return _zip(head)
    for kind in _KINDS:
        if head.startswith(kind.magic, kind.at):
            # A text may begin with the same letters, but a file of such a kind has other bytes.
            return kind if _has_controls(head, 0) or not kind.magic.isalnum() else None
    is_binary = len(head) >= _LEAST and _has_controls(head, _MOST_CONTROLS)
    is_binary = is_binary and not _URL_LINE.search(head)
    return _Binary(b"", "a binary file", _OTHER) if is_binary else None


def _zip(head: bytes) -> _Binary:
    """The documents of offices are zip archives whose first members have known names."""
    office = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/", b"opendocument.spreadsheet")
    if any(each in head[:_SAMPLE] for each in office):
        return _Binary(b"", "a spreadsheet or document (xlsx, ods, docx)", _SPREADSHEET)
    return _Binary(b"", "a zip archive", _ARCHIVE)


def _has_controls(head: bytes, share: float) -> bool:
    sample = head[:_SAMPLE]
    return len(sample) - len(sample.translate(None, _CONTROLS)) > share * len(sample)
