"""What follows from ``Settings`` for a person: the flags, their help, the commented TOML file."""

import argparse
import textwrap
from collections.abc import Container, Iterator, Sequence
from itertools import groupby
from typing import NoReturn

import msgspec

from crawler.errors import UsageError
from crawler.options import Option, format_size, nearest
from crawler.settings import options

_HEADER = """\
# Every option of `crawler crawl`, at its default or, where it has none, with an example.
# Take the # before a line away to set it. Flags and variables (CRAWLER_<NAME>) win over this file.
"""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError where argparse would end the process."""

    def __init__(
        self, prog: str, description: str, *, usage: str | None = None, epilog: str | None = None
    ) -> None:
        super().__init__(
            prog,
            usage=usage,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)

    def read(self, argv: Sequence[str]) -> argparse.Namespace:
        """Parse ``argv``, in which flags and the other arguments may stand in any order."""
        found, extras = self.parse_known_intermixed_args(argv)
        if extras:
            flag = extras[0].partition("=")[0]
            names = [known.removeprefix("--") for known in self._option_string_actions]
            hint = nearest(flag.removeprefix("--"), names, "--")
            raise UsageError(f"{flag} is not an option{hint}")
        return found


def add_flags(parser: argparse.ArgumentParser, without: Container[str] = ()) -> None:
    """Give ``parser`` a flag for each option, under the heading of its group.

    ``without``: names of those that are left out.
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
    """Say what the option means, its choices and its default."""
    facts = [", ".join(option.choices)] if option.choices else []
    if option.default not in (None, (), False):
        default = _spell(option, option.default).strip('"').removesuffix(".0")
        facts.append(f"default: {default}")
    return f"{option.text} ({'; '.join(facts)})" if facts else option.text


def default_toml() -> str:
    """Write the text of config/default.toml."""
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
    """``value`` as TOML has it; for texts, numbers and lists of texts that is how JSON has it."""
    if option.extra["size"] and isinstance(value, int):
        value = format_size(value)
    return msgspec.json.encode(value).decode()
