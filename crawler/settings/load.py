"""Settings: checked, and loaded from a file, the environment, flags, or an earlier session."""

import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import msgspec

from crawler.model.errors import UsageError
from crawler.model.urls import UrlError, canonical
from crawler.settings.conflicts import conflicts
from crawler.settings.fields import Fields
from crawler.settings.option import Given, Option, from_environment, from_file, from_flags
from crawler.settings.secrets import from_secrets

if TYPE_CHECKING:
    from crawler.settings.keywords import SettingsKeywords


class Settings(Fields, frozen=True, kw_only=True):
    """The options of one crawl. Every field has a default; None means that the option is not set.

    Raises UsageError for a value of the wrong type or out of bounds, and for options that exclude
    each other. A size can be text (``memory="1GiB"``) and is stored in bytes. An option with
    several values also accepts a single one (``out="pages.jsonl"``).
    """

    if TYPE_CHECKING:
        # The fields have the types that are stored; more is accepted.
        def __init__(self, **options: Unpack[SettingsKeywords]) -> None: ...

    def __post_init__(self) -> None:
        for each in options():
            value = each.check(getattr(self, each.name), each.name)
            msgspec.structs.force_setattr(self, each.name, value)
        conflict = next(conflicts(self, options()), None)
        if conflict is not None:
            raise _ConflictError(conflict, {each.name: each.name for each in options()})


@cache
def options() -> tuple[Option, ...]:
    """Return all options, in the order of the help and of ``config/default.toml``."""
    return tuple(map(Option.of, msgspec.structs.fields(Settings)))


_CHANGEABLE = frozenset(
    [
        "engine",
        "concurrency",
        "per_host",
        "per_address",
        "delay",
        "rate",
        "timeout",
        "retries",
        "patience",
        "workers",
        "cache",
        "cache_size",
        "max_pages",
        "run",
        "resume",
        "again",
        "overwrite",
        "json",
        "quiet",
        "log",
        "log_file",
        "log_json",
        "metrics_port",
        "strict",
        "on",
        "slots",
        "slice",
    ]
)
"""Options that may change when a run is resumed; the others decide the result of the run."""
_OF_SESSION = frozenset(["run", "resume", "again", "overwrite", "json", "quiet"])
"""Options that belong to one session of a run, not to the run."""


_LOGIN = re.compile(r"(https?:[/\\]*)[^/\\?#]*@", re.IGNORECASE)


def written(settings: Settings) -> dict[str, object]:
    """Return the options that the run directory stores, with absolute paths.

    It stores neither secrets nor Python objects: it has their kind and name instead.
    """
    values = {
        each.name: each.absolute(each.shown(getattr(settings, each.name))) for each in options()
    }
    values["sources"] = tuple(map(_written_source, settings.sources))
    values["on"] = _without_login(values["on"])
    return {
        name: value
        for name, value in values.items()
        if value not in (None, ()) and name not in _OF_SESSION
    }


def absolute(settings: Settings) -> Settings:
    """Return ``settings`` with an absolute path for each relative one, except the sources."""
    return msgspec.structs.replace(
        settings, **{each.name: each.absolute(getattr(settings, each.name)) for each in options()}
    )


def changeable(settings: Settings) -> dict[str, object]:
    """Return the options that a resume may have changed, by name, with absolute paths.

    So a process that has read the settings file of the run can have the same settings.
    """
    names = (_CHANGEABLE | {"parse"}) - _OF_SESSION
    known = (each for each in options() if each.name in names)
    return {each.name: each.absolute(getattr(settings, each.name)) for each in known}


def _written_source(source: str) -> str:
    if source == "-":
        return source
    if "://" not in source:
        return os.path.abspath(source)  # noqa: PTH100 - a path of the user: its links stay
    if "@" not in source:
        return source
    try:
        url = canonical(source)
    except UrlError:
        return source.rpartition("@")[2]
    # What is around the URL stays: as a line of a list, it is another text than its URL.
    text = url if re.fullmatch("[!-~]+", source) else _LOGIN.sub(r"\1", source)
    return text if "@" not in text or text == url else f"://{text.rpartition('@')[2]}"


def _without_login(on: object) -> object:
    """The address of workers or of their broker; a resume needs the login again."""
    return re.sub("(?<=://).*@", "", on, flags=re.DOTALL) if isinstance(on, str) else on


def source_names(settings: Settings) -> str:
    """The sources as they were given, without logins, for a message."""
    return " ".join(_written_source(each) if "://" in each else each for each in settings.sources)


def resumed(
    path: str | os.PathLike[str], flags: Mapping[str, object], environ: Mapping[str, str]
) -> Settings:
    """Return the settings in the settings file of a run at ``path``, with changes by ``flags``.

    ``flags`` are by field name. Secrets can also come from the file that ``environ`` names, and
    the workers of a sharded run from ``CRAWLER_ON``, as their address can have a password; what the
    run does not have is ignored. Raises UsageError for a flag that would change the
    result of the run, and for secrets and objects that are missing.
    """
    stored = from_file(path, options(), of_run=True)
    secrets = from_secrets(environ, options()) | _workers(environ)
    given = {
        **{name: each for name, each in secrets.items() if name in stored},
        **from_flags(flags, options()),
    }
    _check_complete(stored, given)
    values = {name: each.value for name, each in {**stored, **given}.items()}
    for each in options():
        if each.name in stored and each.name in given:
            # The state knows an output by the path that the settings have.
            values[each.name] = each.spelled_as(stored[each.name].value, values[each.name])
    settings = Settings(**values)  # type: ignore[arg-type]
    _check_unchanged(settings, stored)
    return settings


def _workers(environ: Mapping[str, str]) -> dict[str, Given]:
    return from_environment({"CRAWLER_ON": environ.get("CRAWLER_ON", "")}, options())


def _check_complete(stored: Mapping[str, Given], given: Mapping[str, Given]) -> None:
    """Raise UsageError if ``given`` lacks what the run of ``stored`` has but does not store."""
    lacking: dict[str, list[str]] = {}
    for each in options():
        missing = each.missing(stored[each.name].value) if each.name in stored else ""
        if missing and each.name not in given:
            lacking.setdefault(missing, []).append(each.flag)
    for missing, flags in lacking.items():
        raise UsageError(f"{' and '.join(flags)} must be given again: {missing}")


def _check_unchanged(settings: Settings, stored: Mapping[str, Given]) -> None:
    """Raise UsageError if ``settings`` would change the result of the run with ``stored``."""
    new = written(settings)
    for each in options():
        old = each.absolute(stored[each.name].value if each.name in stored else each.default)
        if each.name in new and new[each.name] != old and not _may_change(each.name, old, new):
            has = "none" if old is None else repr(old)
            shown = "" if each.extra["secret"] else f"; the run has {has}"
            raise UsageError(f"{each.flag} cannot be changed when a run is resumed{shown}")


def _may_change(name: str, old: object, new: Mapping[str, object]) -> bool:
    if name == "parse":  # who parses does not matter, but whether pages are parsed does
        return "none" not in (old, new[name])
    return name in _CHANGEABLE


class _ConflictError(UsageError):
    """Options exclude each other; ``template`` has their names in braces, such as ``{depth}``."""

    def __init__(self, template: str, spelled: Mapping[str, str]) -> None:
        super().__init__(template.format_map(spelled))
        self.template = template


def config_file(name: str | os.PathLike[str]) -> Path:
    """Return the TOML file at the path ``name``, else the one of that name that comes with us.

    Raises UsageError if there is neither.
    """
    path = Path(name)
    try:
        path.stat()
    except FileNotFoundError:
        return _shipped(str(name))
    except OSError:
        pass  # reading it fails too, and the error then says why
    return path


def _shipped(name: str) -> Path:
    package = Path(__file__).parents[1]
    # They are inside an installed package, and beside the package in a checkout.
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
    """Return the settings from a TOML file, the file of secrets, the environment and ``flags``
    (by field name).

    Flags and variables can be text; in a variable, a list has one value per line, and an empty
    variable counts as not set. Raises UsageError, which names the flag, the variable, or the file
    and its key.
    """
    known = options()
    given = {
        **(from_file(config_file(config), known) if config is not None else {}),
        **from_secrets(environ, known),
        **from_environment(environ, known),
        **from_flags(flags, known),
    }
    try:
        return Settings(**{name: each.value for name, each in given.items()})  # type: ignore[arg-type]
    except _ConflictError as error:
        flagged = {each.name: each.flag for each in known}
        spelled = {name: each.spelled for name, each in given.items()}
        raise _ConflictError(error.template, {**flagged, **spelled}) from None
