"""What was asked for, checked, and where from: files, environment, flags, an earlier session."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from crawler.errors import UsageError
from crawler.options import Option, from_environment, from_file, from_flags
from crawler.settings.fields import Fields
from crawler.settings.rules import conflicts
from crawler.urls import UrlError, canonical


class Settings(Fields, frozen=True, kw_only=True):
    """A crawl as asked for; every field has a default, and None means that nothing was asked.

    Raises UsageError for a value of the wrong type or out of bounds and for options that exclude
    each other. Sizes may be given as text (``memory="1GiB"``) and are kept in bytes; where several
    values are possible, one may be given alone (``out="pages.jsonl"``).
    """

    def __post_init__(self) -> None:
        for each in options():
            value = each.check(getattr(self, each.name), each.name)
            msgspec.structs.force_setattr(self, each.name, value)
        conflict = next(conflicts(self, options()), None)
        if conflict is not None:
            raise _ConflictError(conflict, {each.name: each.name for each in options()})


@cache
def options() -> tuple[Option, ...]:
    """Every option, in the order in which help and files show them."""
    return tuple(map(Option.of, msgspec.structs.fields(Settings)))


_CHANGEABLE = frozenset(
    [
        "engine",
        "concurrency",
        "per_host",
        "per_address",
        "delay",
        "timeout",
        "retries",
        "workers",
        "max_pages",
        "run",
        "resume",
        "json",
        "quiet",
        "log",
        "log_file",
        "log_json",
        "metrics_port",
        "strict",
    ]
)
"""What may be asked for anew when a run goes on; the rest decides what the run's result is."""
_OF_SESSION = frozenset(["run", "resume", "json", "quiet"])
"""What belongs to one session of a run, and not to the run."""


def written(asked: Settings) -> dict[str, object]:
    """What the directory of a run keeps of ``asked``: nothing secret, files by their whole path."""
    found = {each.name: each.shown(getattr(asked, each.name)) for each in options()}
    found["sources"] = tuple(map(_kept, asked.sources))
    return {
        name: value
        for name, value in found.items()
        if value not in (None, ()) and name not in _OF_SESSION
    }


def _kept(source: str) -> str:
    if source == "-":
        return source
    if "://" not in source:
        return os.path.abspath(source)  # noqa: PTH100 - a path of the user's, links and all
    try:
        return canonical(source)
    except UrlError:
        return source.rpartition("@")[2]


def resumed(path: str | os.PathLike[str], flags: Mapping[str, object]) -> Settings:
    """What a run was asked for as its file at ``path`` says, with ``flags`` (by field name).

    Raises UsageError for a flag that would change the run's result, and for a secret that is
    needed again.
    """
    before = from_file(path, options())
    given = from_flags(flags, options())
    for each in options():
        if each.name in before and each.extra["secret"] and each.name not in given:
            raise UsageError(f"{each.flag} has to be given again: secrets are not written down")
    values = {name: each.value for name, each in {**before, **given}.items()}
    asked = Settings(**values)  # type: ignore[arg-type]
    kept = written(asked)
    for each in options():
        then = before[each.name].value if each.name in before else each.default
        if each.name in kept and each.name not in _CHANGEABLE and kept[each.name] != then:
            shown = "" if each.extra["secret"] else f", which has {then!r}"
            raise UsageError(f"{each.flag} cannot be changed when a run goes on{shown}")
    return asked


class _ConflictError(UsageError):
    """Options exclude each other; ``template`` names them like ``{depth}``."""

    def __init__(self, template: str, spelled: Mapping[str, str]) -> None:
        super().__init__(template.format_map(spelled))
        self.template = template


def config_file(name: str | os.PathLike[str]) -> Path:
    """The TOML file at the path ``name``, or else the one of that name that comes with crawler.

    Raises UsageError where there is neither.
    """
    path = Path(name)
    try:
        path.stat()
    except FileNotFoundError:
        return _shipped(str(name))
    except OSError:
        pass  # reading it fails too, and says why
    return path


def _shipped(name: str) -> Path:
    package = Path(__file__).parents[1]
    # They lie within an installed package, and beside the package of a checkout.
    places = (package / "config", package.parent / "config")
    folder = next(place for place in places if place.is_dir())
    shipped = {path.stem: path for path in folder.glob("*.toml")}
    if name not in shipped:
        names = ", ".join(sorted(shipped))
        raise UsageError(f"cannot read {name}: No such file; {names} come with crawler")
    return shipped[name]


def load(
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    config: str | os.PathLike[str] | None = None,
) -> Settings:
    """Settle what a TOML file, the environment and ``flags`` (by field name) ask for.

    ``config`` is the path of the file, or a name that ``config_file`` knows. Flags and variables
    may be texts; in a variable a list has one value a line, and an empty variable counts as none.
    Raises UsageError, which names the flag, the variable or the file and its key.
    """
    known = options()
    given = {
        **(from_file(config_file(config), known) if config is not None else {}),
        **from_environment(environ, known),
        **from_flags(flags, known),
    }
    try:
        return Settings(**{name: each.value for name, each in given.items()})  # type: ignore[arg-type]
    except _ConflictError as error:
        flagged = {each.name: each.flag for each in known}
        spelled = {name: each.spelled for name, each in given.items()}
        raise _ConflictError(error.template, {**flagged, **spelled}) from None
