"""``crawler report``."""

import argparse
import sys
import webbrowser
from pathlib import Path

from crawler.app.standard_streams import tell
from crawler.cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add the run directory and ``--open``."""
    parser.add_argument("directory", metavar="RUN", type=Path, help="a run directory")
    parser.add_argument(
        "--open", action="store_true", default=False, help="show the report in a browser"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write ``report.html`` again and print its path; returns the exit code.

    Raises UsageError and StateError.
    """
    from crawler.reporting.html.write import write_html

    path = write_html(arguments.directory)
    tell(lambda: sys.stdout.write(f"{path}\n"))
    if arguments.open and not webbrowser.open(path.resolve().as_uri()):
        sys.stderr.write("crawler: no browser was found to open the report\n")
    return 0
