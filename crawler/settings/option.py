"""One option, as the annotation of its field describes it, and the places that can set it."""

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from os import PathLike, fspath
from os.path import abspath
from types import NoneType
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Meta

from crawler.model.errors import UsageError
from crawler.model.files import read_file
from crawler.model.plugins import entry_point
from crawler.model.spelling import nearest
from crawler.settings.foreign import is_foreign
from crawler.settings.objects import NO_OBJECT, ObjectKind
from crawler.settings.run_file import check_complete
from crawler.settings.sizes import parse_size

_PREFIX = "CRAWLER_"
SECRETS = f"{_PREFIX}SECRETS"
"""The variable that names a file with secret options. It is not an option itself."""
_UNDECODED = re.compile("[\udc80-\udcff]")
"""What stands in an argument for a byte that is not UTF-8 (PEP 383)."""
SECRET = "<secret>"  # noqa: S105 - written instead of a secret


def option(
    group: str,
    text: str,
    metavar: str = "",
    *,
    example: object = None,
    size: bool = False,
    secret: bool = False,
    path: bool = False,
    choices: tuple[str, ...] = (),
    plugins: str = "",
    objects: ObjectKind = NO_OBJECT,
) -> Meta:
    """Describe a field of ``Settings``; the type of the field has the bounds and patterns.

    ``group`` is its heading in the help, ``example`` a value to show if there is no default. With
    ``size``, a value can be text that ``parse_size`` accepts. A ``secret`` value is never part of a
    message or a file. A ``path`` is stored as an absolute one, so that a run can be resumed
    from any directory. If there are ``choices``, a value must be one of them or the name of an
    entry point in the group ``plugins``. From Python, a value can also be one of ``objects``.
    """
    extra = {
        "group": group,
        "metavar": metavar,
        "example": example,
        "size": size,
        "secret": secret,
        "path": path,
        "choices": choices,
        "plugins": plugins,
        "objects": objects,
    }
    return Meta(description=text, extra=extra)


class Option(NamedTuple):
    """A field of ``Settings``.

    ``hint`` is its type without None, ``kind`` the same without bounds: ``bool``, ``int``,
    ``float``, ``str``, a ``Literal`` or a ``tuple``. ``extra`` has the other arguments of
    ``option``.
    """

    name: str
    hint: Any
    kind: Any
    bounds: Meta
    text: str
    extra: dict[str, Any]
    default: object

    @classmethod
    def of(cls, field: msgspec.structs.FieldInfo) -> "Option":
        base, *metas = get_args(field.type)
        hint, kind = field.type, base
        if NoneType in get_args(base):
            hint = get_args(base)[0]
            kind, *bounds = get_args(hint) if get_origin(hint) is Annotated else (hint,)
            metas = [*bounds, *metas]
        about = metas[-1]
        made = field.default_factory is not msgspec.NODEFAULT
        default = field.default_factory() if made else field.default
        return cls(field.name, hint, kind, metas[0], about.description, about.extra, default)

    @property
    def choices(self) -> tuple[str, ...]:
        named: tuple[str, ...] = self.extra["choices"]
        return get_args(self.kind) if get_origin(self.kind) is Literal else named

    @property
    def many(self) -> bool:
        return get_origin(self.kind) is tuple

    @property
    def objects(self) -> ObjectKind:
        kind: ObjectKind = self.extra["objects"]
        return kind

    @property
    def flag(self) -> str:
        return "SOURCE" if self.name == "sources" else "--" + self.name.replace("_", "-")

    @property
    def expects(self) -> str:
        """What a value must be, in words: ``a whole number from 1 to 256``."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.many:
            return "a string or a list of strings"
        if self.extra["size"]:
            return "a size from 1 byte to 1024TiB, such as 10000000, 256MB or 1GiB"
        if self.kind is str:
            return f"{self.extra['metavar']}, such as {self.extra['example'] or self.default}"
        names = {bool: "true or false", int: "a whole number", float: "a number"}
        return names[self.kind] + "".join(self._bounds())

    def _bounds(self) -> Iterator[str]:
        if self.bounds.ge is not None:
            yield f" from {self.bounds.ge}" if self.bounds.le else f" of at least {self.bounds.ge}"
        if self.bounds.gt is not None:
            yield f" above {self.bounds.gt}" + (" and up" if self.bounds.le else "")
        if self.bounds.le is not None:
            yield f" to {self.bounds.le}"

    def check(self, value: object, spelled: str, *, text: bool = False) -> object:
        """Return ``value`` as the field stores it; with ``text``, it can be written as text.

        Raises UsageError, whose message calls the option ``spelled``.
        """
        if value is None and self.default is None:
            return None
        try:
            checked = self._convert(self._plain(value, text), text)
        except (msgspec.ValidationError, ValueError):
            checked = None
        if checked is None or not self._is_known(checked):
            # Only in Python an option is called by its name alone.
            or_object = self.objects.words if spelled == self.name else ""
            raise UsageError(f"{spelled} must be {self.expects}{or_object}{self._instead(value)}")
        return checked

    def _convert(self, value: Any, text: bool) -> object:
        """Raises ValidationError unless ``value`` has the type of the field or is an object."""
        if self.objects.accepts(value):
            return self.objects.text(value) or value
        if self.many:
            msgspec.convert([each for each in value if not self.objects.accepts(each)], self.hint)
            return tuple(value)
        return msgspec.convert(value, self.hint, strict=not text)

    def shown(self, value: object) -> object:
        """Return ``value`` as it can be shown.

        Each secret is replaced by ``<secret>``, each object by its kind and name.
        """
        if value is None:
            return None
        if self.extra["secret"]:
            return (SECRET,) * len(value) if isinstance(value, tuple) else SECRET
        shown = self.objects.shown
        return tuple(map(shown, value)) if isinstance(value, tuple) else shown(value)

    def absolute(self, value: object) -> object:
        """Return ``value`` with an absolute path for each relative one, if it has paths."""
        if not self.extra["path"]:
            return value
        return (
            tuple(map(self._absolute, value)) if isinstance(value, tuple) else self._absolute(value)
        )

    def _absolute(self, value: object) -> object:
        if not isinstance(value, str) or value == "-" or self.objects.is_shown(value):
            return value
        return abspath(value)  # noqa: PTH100 - links in it stay: they are the user's

    def spelled_as(self, stored: object, value: object) -> object:
        """Return ``value``, but ``stored`` for each part of it that is the same path."""
        if isinstance(stored, tuple) and isinstance(value, tuple) and len(stored) == len(value):
            return tuple(map(self.spelled_as, stored, value))
        return stored if self.absolute(stored) == self.absolute(value) else value

    def missing(self, stored: object) -> str:
        """Return what the ``stored`` value of a run lacks, in words, or no text.

        A run stores neither secrets nor objects.
        """
        if self.extra["secret"]:
            return f"a run does not store secrets; {SECRETS} can name a file that has them"
        members = stored if isinstance(stored, tuple) else (stored,)
        shown = [str(each) for each in members if self.objects.is_shown(each)]
        return f"a run does not store Python objects such as {', '.join(shown)}" if shown else ""

    def _instead(self, value: object) -> str:
        if self.extra["secret"]:
            return ""
        if self.choices and isinstance(value, list | tuple):
            value = next((each for each in value if each not in self.choices), value)
        return f", not {value!r}{nearest(str(value), self.choices)}"

    def _is_known(self, value: object) -> bool:
        """Whether ``value`` is one of the choices, if any, or the name of an installed plugin.

        Of several values, each must be one.
        """
        if isinstance(value, tuple):
            return all(map(self._is_known, value))
        if not self.choices or not isinstance(value, str) or value in self.choices:
            return True
        return bool(self.extra["plugins"] and entry_point(self.extra["plugins"], value))

    def _plain(self, value: object, text: bool) -> object:
        if self.many:
            if isinstance(value, str) and text:
                return value.splitlines()
            members = value if isinstance(value, list | tuple) else [value]
            return list(map(_plain_text, members))
        if isinstance(value, str) and self.extra["size"]:
            return parse_size(value)
        return _plain_text(value)


def _plain_text(value: object) -> object:
    """``value`` as text if it is a path; in a URL, bytes that are not UTF-8 become ``%XX``."""
    text = fspath(value) if isinstance(value, PathLike) else value
    if not isinstance(text, str) or "://" not in text:
        return text
    return _UNDECODED.sub(lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", text)


class Given(NamedTuple):
    """A checked value, and where it was set: the flag, the variable, or the key and its file."""

    value: object
    spelled: str


def from_flags(flags: Mapping[str, object], known: Iterable[Option]) -> dict[str, Given]:
    """Return the options that ``flags`` (by field name) set, by name. Raises UsageError."""
    return {
        each.name: Given(each.check(flags[each.name], each.flag, text=True), each.flag)
        for each in known
        if each.name in flags
    }


@contextmanager
def taken_variables(environ: MutableMapping[str, str]) -> Iterator[dict[str, str]]:
    """Remove the variables of the options from ``environ`` during the context; yields them.

    What a program starts has its environment, which other programs can read: it must have no
    secrets.
    """
    names = [name for name in environ if name.startswith(_PREFIX)]
    taken = {name: environ.pop(name) for name in names}
    try:
        yield taken
    finally:
        environ.update(taken)


def from_environment(environ: Mapping[str, str], known: Iterable[Option]) -> dict[str, Given]:
    """Return the options that non-empty variables ``CRAWLER_…`` set. Raises UsageError.

    Those of a container platform are ignored, see ``is_foreign``.
    """
    names = {each.name.upper(): each for each in known}
    given = {}
    for variable, value in environ.items():
        if not variable.startswith(_PREFIX) or variable == SECRETS or not value:
            continue
        if not is_foreign(variable, value):
            each = _named(variable.removeprefix(_PREFIX), names, variable, _PREFIX)
            given[each.name] = Given(each.check(value, variable, text=True), variable)
    return given


def from_file(
    path: str | PathLike[str], known: Iterable[Option], *, of_run: bool = False
) -> dict[str, Given]:
    """Return the options that a TOML file sets. Raises UsageError, also if it is unreadable.

    ``of_run``: a run wrote the file, so what it shows in place of an object is accepted, and it is
    refused if it is incomplete.
    """
    names = {each.name: each for each in known}
    given = {}
    for name, value in _read(path, of_run=of_run).items():
        spelled = f"{name} in {fspath(path)}"
        each = _named(name, names, spelled)
        is_shown = of_run and each.objects.is_shown(value)
        given[name] = Given(value if is_shown else each.check(value, spelled), spelled)
    return given


def _named(name: str, known: Mapping[str, Option], spelled: str, prefix: str = "") -> Option:
    if name not in known:
        raise UsageError(f"{spelled} is not an option{nearest(name, known, prefix)}")
    return known[name]


def _read(path: str | PathLike[str], *, of_run: bool) -> dict[str, object]:
    import tomllib
    from pathlib import Path

    try:
        if of_run:
            text = read_file(Path(path)).decode()
            check_complete(fspath(path), text)
        else:
            text = Path(path).read_text("utf-8")
        return tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"cannot read {fspath(path)}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{fspath(path)} is not a TOML file: it is not UTF-8 text") from None
    except ValueError as error:
        raise UsageError(f"{fspath(path)} is not a TOML file: {error}") from None
