"""``crawler report``."""

import argparse
import sys
import webbrowser
from pathlib import Path

from crawler.cli.flags import Parser


def add_arguments(parser: Parser) -> None:
    """Add the run directory, and whether to show its report."""
    parser.add_argument("directory", metavar="RUN", type=Path, help="a run directory")
    parser.add_argument(
        "--open", action="store_true", default=False, help="show the report in a browser"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write ``report.html`` once more and name it; gives the exit code.

    Raises UsageError and StateError.
    """
    from crawler.reporting.html.write import write_html

    path = write_html(arguments.directory)
    sys.stdout.write(f"{path}\n")
    if arguments.open and not webbrowser.open(path.resolve().as_uri()):
        sys.stderr.write("crawler: there is no browser to show it in\n")
    return 0
