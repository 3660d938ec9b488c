"""Names of functions and classes, and whether other processes can import them."""

import sys


def name_of(thing: object) -> str:
    """The name of a function or class, for any other object that of its class."""
    return str(getattr(thing, "__name__", type(thing).__name__))


def import_path(thing: object) -> str | None:
    """``module:name`` by which every process can import a function or class.

    None for a lambda, for what was defined in a function, and for what no file has: ``__main__`` is
    another module in each process.
    """
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__":
        return None
    found: object = sys.modules.get(module)
    if getattr(found, "__spec__", None) is None:
        return None
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}:{name}" if found is thing else None
