"""The file of secrets: options that no run stores, for crawls that start without a person."""

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from crawler.model.errors import UsageError
from crawler.model.spelling import nearest
from crawler.settings.option import SECRETS, Given, Option


def from_secrets(environ: Mapping[str, str], known: Iterable[Option]) -> dict[str, Given]:
    """Return the secret options in the TOML file that ``CRAWLER_SECRETS`` names, by name.

    Raises UsageError for a file that others may read, that is not readable, or that has anything
    else. No message contains a part of a secret.
    """
    path = environ.get(SECRETS)
    if not path:
        return {}
    secrets = {each.name: each for each in known if each.extra["secret"]}
    given = {}
    for name, value in _table(path).items():
        spelled = f"{name} in {path}"
        if name not in secrets:
            names = ", ".join(secrets)
            raise UsageError(f"{spelled} is not one of {names}{nearest(name, secrets)}")
        given[name] = Given(secrets[name].check(value, spelled), spelled)
    return given


def _table(path: str) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(_private_text(path))
    except ValueError:  # its text may quote the file
        raise UsageError(f"{SECRETS}: {path} is not a TOML file") from None


def _private_text(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise UsageError(
                    f"{SECRETS}: others may read {path} (mode {mode:04o}); it must have mode 0600"
                )
            return file.read()
    except OSError as error:
        raise UsageError(f"{SECRETS}: cannot read {path}: {error.strerror}") from None
