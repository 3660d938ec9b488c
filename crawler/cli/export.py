"""``crawler export``."""

import argparse
from pathlib import Path

from crawler.cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add the run directories, ``--out`` and ``--overwrite``."""
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", type=Path, help="a run directory; of several, all pages"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        action="append",
        required=True,
        type=Path,
        help="write the pages to this file; the suffix selects the format; repeatable",
    )
    parser.add_argument(
        "--overwrite", action="store_true", default=False, help="replace files that exist"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the pages of runs, as of their last commit, in other formats; returns the exit code.

    Raises UsageError and StateError.
    """
    from crawler.app.export import export

    export(arguments.runs, arguments.out, overwrite=arguments.overwrite)
    return 0
