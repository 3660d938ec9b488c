"""``crawler site``."""

import argparse
import sys

from crawler.cli.parser import Parser
from crawler.model.errors import UsageError


def add_arguments(parser: Parser) -> None:
    """Add the options of the synthetic web; their defaults are those of ``SiteOptions``."""
    from crawler.localweb.site import SiteOptions

    usual = SiteOptions()
    add = parser.add_argument
    add("--pages", type=int, metavar="N", help=f"pages on all hosts (default: {usual.pages})")
    add("--hosts", type=int, metavar="N", help=f"hosts (default: {usual.hosts})")
    add(
        "--latency",
        type=float,
        dest="latency_ms",
        metavar="MS",
        help=f"median response time in milliseconds (default: {usual.latency_ms:g})",
    )
    add("--seed", type=int, metavar="N", help=f"same seed, same web (default: {usual.seed})")
    add("--faults", action="store_true", help="add errors, redirects, slow and broken pages")
    add("--port", type=int, metavar="N", help="port of all hosts (default: a free one)")


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted; returns the exit code. Raises UsageError if it cannot serve."""
    from crawler.localweb.site import SiteOptions, run_site

    options = SiteOptions(**vars(arguments))
    try:
        run_site(options, sys.stdout)
    except (OSError, OverflowError) as error:
        raise UsageError(f"cannot serve on port {options.port}: {error}") from None
    return 0
