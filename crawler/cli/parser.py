"""The parser of a command line. It imports no settings, so that ``crawler --help`` is quick."""

import argparse
from collections.abc import Sequence

from crawler.model.errors import UsageError
from crawler.model.spelling import nearest

TYPE_CHECKING = False  # as in typing, which takes 5 ms to import
if TYPE_CHECKING:
    from typing import NoReturn


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

    def error(self, message: str) -> "NoReturn":
        raise UsageError(message)

    def read(self, argv: Sequence[str]) -> argparse.Namespace:
        """Parse ``argv``; flags and other arguments can be in any order. Raises UsageError."""
        found, extras = self.parse_known_intermixed_args(argv)
        if extras:
            flag = extras[0].partition("=")[0]
            names = [known.removeprefix("--") for known in self._option_string_actions]
            hint = nearest(flag.removeprefix("--"), names, "--")
            raise UsageError(f"{flag} is not an option{hint}")
        return found
