"""The output formats by suffix: built-in ones, and those that installed packages add.

A new format is one file next to this one and one row here.
"""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import msgspec

from crawler.model.errors import UsageError
from crawler.model.plugins import entry_point, entry_point_names, load
from crawler.sinks.base import MakeSink
from crawler.sinks.sqlite.schema import BESIDE

PLUGINS = "crawler.sinks"
"""The entry point group through which installed packages add formats: a suffix without its first
dot, such as ``tsv.gz``, and a function from ``SinkTarget`` to ``Sink``.
"""


class Format(msgspec.Struct, frozen=True):
    """``make`` is ``module:function``: it makes the sink for a SinkTarget.

    Its files are the output and, for a time, those with one of the endings ``beside`` after its
    name. ``package`` must be installed for it, which the ``extra`` of ours does.
    """

    make: str
    beside: tuple[str, ...] = ()
    package: str | None = None
    extra: str = ""


_SQLITE = Format("crawler.sinks.sqlite.writer:sqlite_sink", beside=BESIDE)
FORMATS = MappingProxyType(
    {
        ".jsonl": Format("crawler.sinks.jsonl:jsonl_sink"),
        ".jsonl.gz": Format("crawler.sinks.compressed:gzip_sink"),
        ".jsonl.zst": Format("crawler.sinks.compressed:zstd_sink"),
        ".csv": Format("crawler.sinks.csv:csv_sink"),
        ".db": _SQLITE,
        ".sqlite": _SQLITE,
    }
)


def maker_of(path: Path, flag: str = "--out") -> MakeSink:
    """Return what makes the sink for ``path``, by its suffix.

    Raises UsageError, which names ``flag``, for an unknown suffix or a missing package.
    """
    suffix = _longest(path.name, FORMATS)
    if suffix is not None:
        built_in: MakeSink = load(_installed(suffix, f"{flag} {path}").make)
        return built_in
    others = {f".{name}" for name in entry_point_names(PLUGINS)}
    suffix = _longest(path.name, others)
    if suffix is None:
        known = ", ".join((*FORMATS, *sorted(others)))
        raise UsageError(f"{flag} {path}: the suffix selects the format; use one of {known}")
    return _plugin(suffix)


def files_of(path: Path) -> list[Path]:
    """All files that an output at ``path`` can have: itself first."""
    suffix = _longest(path.name, FORMATS)
    beside = FORMATS[suffix].beside if suffix is not None else ()
    return [path, *(path.with_name(path.name + each) for each in beside)]


def _longest(name: str, suffixes: Iterable[str]) -> str | None:
    """The suffix of ``name``; if several are, the longest one."""
    return max((each for each in suffixes if name.endswith(each)), key=len, default=None)


def _installed(suffix: str, asked: str) -> Format:
    chosen = FORMATS[suffix]
    if chosen.package is not None and find_spec(chosen.package) is None:
        raise UsageError(
            f"{asked}: needs the package {chosen.package}: pip install 'simulcrawl[{chosen.extra}]'"
        )
    return chosen


def _plugin(suffix: str) -> MakeSink:
    found = entry_point(PLUGINS, suffix.removeprefix("."))
    assert found is not None
    try:
        make: MakeSink = found.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"cannot load the format {suffix} ({found.value}): {error}") from None
    return make
