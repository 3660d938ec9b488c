"""Stand-ins for secrets: a replay on this machine needs requests of the same size, not secrets."""

from collections.abc import Mapping
from typing import Any

from crawler.settings import Settings, options


def masked(settings: Settings) -> dict[str, Any]:
    """Return the secret options of ``settings`` with an ``x`` for each character of a secret."""
    headers = [each.partition(":") for each in settings.header]
    logins = [each.partition("=") for each in settings.auth]
    return {
        "header": tuple(f"{name}: {'x' * len(value.strip())}" for name, _, value in headers),
        "auth": tuple(f"{place}={_masked_login(login)}" for place, _, login in logins),
        "proxy": None,
    }


def without_secrets(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the options that are not secret."""
    public = {f"CRAWLER_{each.name.upper()}" for each in options() if not each.extra["secret"]}
    return {name: value for name, value in variables.items() if name in public}


def _masked_login(login: str) -> str:
    user, _, password = login.partition(":")
    return f"{'x' * len(user)}:{'x' * len(password)}"
