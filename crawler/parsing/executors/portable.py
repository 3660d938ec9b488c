"""Pickles what parse workers need, also functions and classes that no module has."""

import io
import pickle
from types import FunctionType
from typing import Any

from crawler.model.errors import UsageError
from crawler.model.importable import import_path, name_of


class _ByValueError(Exception):
    """``thing`` cannot be imported by a worker, so it must be sent itself."""

    def __init__(self, thing: object) -> None:
        super().__init__(thing)
        self.thing = thing


class _ByNamePickler(pickle.Pickler):
    """Pickle would name things in ``__main__``, which is another module in a worker."""

    def reducer_override(self, obj: object) -> Any:
        is_named = isinstance(obj, type | FunctionType) and obj.__module__ != "builtins"
        if is_named and import_path(obj) is None:
            raise _ByValueError(obj)
        return NotImplemented


def pack(things: object) -> bytes:
    """Pickle ``things`` for a worker, which never imports the user's ``__main__``.

    Raises UsageError for a function or class that needs cloudpickle where that is not installed,
    and for what cannot be pickled.
    """
    file = io.BytesIO()
    try:
        _ByNamePickler(file).dump(things)
    except _ByValueError as found:
        return _pack_by_value(things, name_of(found.thing))
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise UsageError(_refusal(error)) from None
    return file.getvalue()


def _pack_by_value(things: object, name: str) -> bytes:
    try:
        import cloudpickle
    except ImportError:
        raise UsageError(
            f"{name} cannot be imported by the parse processes: put it into a module, install "
            "cloudpickle (pip install cloudpickle), or parse in threads (parse='thread')"
        ) from None
    try:
        packed: bytes = cloudpickle.dumps(things)
    except Exception as error:  # noqa: BLE001 - it runs the code of the user's objects
        raise UsageError(_refusal(error)) from None
    return packed


def _refusal(error: Exception) -> str:
    return f"a Python object cannot be sent to the parse processes (use parse='thread'): {error}"
