"""The flags, their help and the commented TOML file, made from the options of ``Settings``."""

import argparse
import textwrap
from collections.abc import Container, Iterator
from itertools import groupby

import msgspec

from crawler.settings import options
from crawler.settings.option import Option
from crawler.settings.sizes import format_size

_HEADER = """\
# Every option of `crawler crawl`, with its default value, or with an example if it has none.
# To set an option, remove the # before its line. Environment variables (CRAWLER_<NAME>) and flags
# override this file.
"""


def add_flags(parser: argparse.ArgumentParser, without: Container[str] = ()) -> None:
    """Add a flag to ``parser`` for each option, under the heading of its group.

    ``without`` has the names of options that get no flag.
    """
    sources, *flags = (option for option in options() if option.name not in without)
    parser.add_argument(
        sources.name, nargs="*", metavar=sources.extra["metavar"], help=describe(sources)
    )
    for title, members in groupby(flags, key=lambda option: str(option.extra["group"])):
        group = parser.add_argument_group(title)
        for option in members:
            _add_flag(group, option)


def add_config(parser: argparse.ArgumentParser) -> None:
    """Give ``parser`` the flag ``--config``."""
    text = "TOML file with options, or one that comes with crawler: default, fast, polite"
    parser.add_argument("--config", metavar="FILE", help=text)


def _add_flag(group: argparse._ArgumentGroup, option: Option) -> None:
    text = describe(option).replace("%", "%%")
    metavar = option.extra["metavar"]
    if option.kind is bool:
        group.add_argument(option.flag, action=argparse.BooleanOptionalAction, help=text)
    elif option.many:
        group.add_argument(option.flag, action="append", metavar=metavar, help=text)
    else:
        group.add_argument(option.flag, metavar=metavar, help=text)


def describe(option: Option) -> str:
    """Return the help text of ``option``: its meaning, its choices and its default."""
    facts = [", ".join(option.choices)] if option.choices else []
    if option.default not in (None, (), False):
        facts.append(f"default: {_spell_default(option)}")
    return f"{option.text} ({'; '.join(facts)})" if facts else option.text


def _spell_default(option: Option) -> str:
    if isinstance(option.default, float):
        return f"{option.default:g}"
    return _spell(option, option.default).strip('"')


def default_toml() -> str:
    """Return the text of config/default.toml."""
    return "\n".join([_HEADER, *_sections()])


def _sections() -> Iterator[str]:
    for title, members in groupby(options(), key=lambda option: str(option.extra["group"])):
        yield f"# ---- {title} ----\n"
        for option in members:
            value = option.default if option.default not in (None, ()) else option.extra["example"]
            prose = textwrap.wrap(describe(option), 96, break_long_words=False)
            yield "\n".join([f"# {line}" for line in prose])
            yield f"#{option.name} = {_spell(option, value)}\n"


def _spell(option: Option, value: object) -> str:
    """Return ``value`` in TOML, which writes strings, numbers and lists of strings as JSON does."""
    if option.extra["size"] and isinstance(value, int):
        value = format_size(value)
    return msgspec.json.encode(value).decode()
