"""``--parser``: a user's function that is called with the Document of each page."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import msgspec

from crawler.model.errors import FailureKind, FetchError, UsageError
from crawler.model.importable import name_of
from crawler.model.pages import PageFields
from crawler.parsing.document import Document

ParserFunction = Callable[[Document], dict[str, object] | Sequence[dict[str, object]] | None]


class CustomParser:
    """Calls ``parser``: a function, or one that ``module:function`` names.

    Raises UsageError if it cannot be imported.
    """

    def __init__(self, parser: str | ParserFunction) -> None:
        self._name = parser if isinstance(parser, str) else name_of(parser)
        self._function = _load(parser) if isinstance(parser, str) else parser

    def fields(self, document: Document) -> PageFields:
        """Call the function; returns its result as plain JSON types, and {} for None.

        Raises FetchError of kind ``parse`` for any exception of the function (including
        ``sys.exit``), and for a result that is neither a dict nor a list of them, or cannot be
        encoded as JSON.
        """
        try:
            found = self._function(document)
            return {} if found is None else _plain(found)
        except (Exception, SystemExit) as error:
            message = f"parser {self._name}: {type(error).__name__}: {error}"
            raise FetchError(FailureKind.PARSE, message) from error


def check_parser(spec: str) -> None:
    """Import the function that ``spec`` names. Raises UsageError if that fails."""
    _load(spec)


def parser_file(spec: str) -> Path | None:
    """Return the file of the module of ``spec``, if it has one. Raises UsageError."""
    _load(spec)
    file = getattr(sys.modules[spec.partition(":")[0]], "__file__", None)
    return None if file is None else Path(file)


def merged(found: PageFields, own: PageFields) -> PageFields:
    """The fields ``found`` by rules and a function's ``own``, which count where both have one.

    What one of them has for the page, it has for each record of the other. Raises FetchError of
    kind ``parse`` if both have several records: nothing says which belong together.
    """
    if isinstance(found, dict):
        return found | own if isinstance(own, dict) else [found | each for each in own]
    if isinstance(own, dict):
        return [each | own for each in found]
    raise FetchError(FailureKind.PARSE, "--extract and --parser both have a list of records")


def _plain(found: object) -> PageFields:
    several = found if isinstance(found, list | tuple) else [found]
    for each in several:
        if not isinstance(each, dict):
            wrong = f"{type(each).__name__}{' in a list' if several is found else ''}"
            raise TypeError(f"must return a dict, a list of dicts or None, not {wrong}")
    plain: PageFields = msgspec.json.decode(msgspec.json.encode(found), type=PageFields)
    return plain


def _load(spec: str) -> ParserFunction:
    module, _, name = spec.partition(":")
    if not module or not name:
        raise UsageError(f"--parser {spec}: must be module:function")
    # A script installed in bin/ does not have the current directory in its sys.path.
    if not {"", str(Path.cwd())} & set(sys.path):
        sys.path.append(str(Path.cwd()))
    try:
        function = getattr(import_module(module), name)
    except (Exception, SystemExit) as error:
        raise UsageError(f"--parser {spec}: {type(error).__name__}: {error}") from error
    from inspect import iscoroutinefunction

    if not callable(function) or iscoroutinefunction(function):
        raise UsageError(f"--parser {spec}: must be a function, and not an async one")
    return function  # type: ignore[no-any-return]
