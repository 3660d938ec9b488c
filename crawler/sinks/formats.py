"""The output formats by suffix: built-in ones, and those that installed packages add.

A new format is one file next to this one and one row here.
"""

from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from crawler.model.errors import UsageError
from crawler.model.plugins import entry_point, entry_point_names, load
from crawler.sinks.base import MakeSink, Sink, SinkTarget
from crawler.sinks.record_file import RecordFile
from crawler.sinks.sqlite.schema import BESIDE

WriteFile = Callable[[Sequence[RecordFile], Path, Callable[[], None]], None]
"""Makes a file of records; see ``write_file``."""
PLUGINS = "crawler.sinks"
"""The entry point group through which installed packages add formats: a suffix without its first
dot, such as ``tsv.gz``, and a function from ``SinkTarget`` to ``Sink``.
"""


class Format(msgspec.Struct, frozen=True):
    """``make`` is the ``module:function`` that makes an output.

    For most formats it is a ``MakeSink``. A format that is ``spooled`` cannot be cut, so a crawl
    writes its records elsewhere, and the function, a ``WriteFile``, makes the whole file of them.
    The files of an output are itself and, for a time, those with one of the endings ``beside``
    after its name. ``package`` must be installed, which the ``extra`` of ours does.
    """

    make: str
    spooled: bool = False
    beside: tuple[str, ...] = ()
    package: str | None = None
    extra: str = ""


_SQLITE = Format("crawler.sinks.sqlite.writer:sqlite_sink", beside=BESIDE)
_PARQUET = Format("crawler.sinks.parquet.file:write_pages", True, (), "pyarrow", "parquet")
FORMATS = MappingProxyType(
    {
        ".jsonl": Format("crawler.sinks.jsonl:jsonl_sink"),
        ".jsonl.gz": Format("crawler.sinks.compressed:gzip_sink"),
        ".jsonl.zst": Format("crawler.sinks.compressed:zstd_sink"),
        ".csv": Format("crawler.sinks.csv:csv_sink"),
        ".db": _SQLITE,
        ".sqlite": _SQLITE,
        ".parquet": _PARQUET,
    }
)


def format_of(path: Path, flag: str = "--out") -> Format:
    """Return the format of ``path``, by its suffix; of several that fit, the longest.

    Raises UsageError, which names ``flag``, for an unknown suffix or a missing package.
    """
    suffix = _longest(path.name, FORMATS)
    if suffix is not None:
        return _installed(FORMATS[suffix], f"{flag} {path}")
    plugins = {f".{name}": name for name in entry_point_names(PLUGINS)}
    suffix = _longest(path.name, plugins)
    if suffix is None:
        known = ", ".join((*FORMATS, *sorted(plugins)))
        raise UsageError(f"{flag} {path}: the suffix selects the format; use one of {known}")
    plugin = entry_point(PLUGINS, plugins[suffix])
    assert plugin is not None
    return Format(plugin.value)


def make_sink(chosen: Format, target: SinkTarget) -> Sink:
    """Open the output for ``target`` in a format that is not spooled.

    Raises UsageError if the format cannot be loaded, StateError if the file cannot be opened.
    """
    make: MakeSink = _loaded(chosen)
    return make(target)


def write_file(
    chosen: Format, sources: Sequence[RecordFile], path: Path, check: Callable[[], None]
) -> None:
    """Make the file ``path``, which must not exist, in a format that is spooled.

    ``check`` is called again and again, and may raise. Raises StateError.
    """
    write: WriteFile = _loaded(chosen)
    write(sources, path, check)


def files_of(path: Path) -> list[Path]:
    """All files that an output at ``path`` can have: itself first."""
    suffix = _longest(path.name, FORMATS)
    beside = FORMATS[suffix].beside if suffix is not None else ()
    return [path, *(path.with_name(path.name + each) for each in beside)]


def _longest(name: str, suffixes: Iterable[str]) -> str | None:
    return max((each for each in suffixes if name.endswith(each)), key=len, default=None)


def _installed(chosen: Format, asked: str) -> Format:
    if chosen.package is not None and find_spec(chosen.package) is None:
        raise UsageError(
            f"{asked}: needs the package {chosen.package}: pip install 'simulcrawl[{chosen.extra}]'"
        )
    return chosen


def _loaded(chosen: Format) -> Any:
    try:
        return load(chosen.make)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"cannot load the format {chosen.make}: {error}") from None
