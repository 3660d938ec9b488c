"""What a sharded crawl cannot do, said before it begins."""

import os

from crawler.app.fetching import check_not_mocked
from crawler.distributed.gather import check_outputs
from crawler.model.errors import UsageError
from crawler.settings import Settings, options
from crawler.settings.option import Option
from crawler.settings.secrets import from_secrets


def check(settings: Settings) -> None:
    """Raises UsageError for what cannot travel to workers, or cannot be joined from shards."""
    check_not_mocked()
    secrets = from_secrets(os.environ, options())
    for each in options():
        _check_travels(each, getattr(settings, each.name), is_in_file=each.name in secrets)
    check_outputs(settings)


def _check_travels(option: Option, value: object, *, is_in_file: bool) -> None:
    if option.extra["secret"] and value != option.default and not is_in_file:
        raise UsageError(
            f"{option.flag}: secrets do not travel to workers; write them into a file that the "
            "variable CRAWLER_SECRETS names, here and on every worker"
        )
    is_object = not option.extra["secret"] and option.missing(option.shown(value))
    if is_object and option.name != "on":
        raise UsageError(
            f"{option.flag}: an object of Python cannot travel to workers; give a name or a path"
        )
