"""Options under the heading ``following``."""

from typing import Annotated, Literal

from crawler.settings.option import option
from crawler.settings.session import SessionFields
from crawler.settings.types import Count, Natural


class FollowingFields(SessionFields, frozen=True, kw_only=True):
    follow: Annotated[bool, option("following", "crawl what the pages link to as well")] = False

    depth: Annotated[
        Natural | None,
        option(
            "following",
            "most links from the input to a page (default: no limit)",
            "N",
            example=3,
        ),
    ] = None

    max_pages: Annotated[
        Count | None,
        option("following", "stop after this many pages (default: never)", "N", example=1000),
    ] = None

    scope: Annotated[
        Literal["host", "domain", "prefix", "any"],
        option("following", "how far links may lead from where the input began", "NAME"),
    ] = "host"

    include: Annotated[
        tuple[str, ...],
        option(
            "following",
            "follow only URLs in which this regular expression is found; repeatable",
            "RE",
            example=["/docs/"],
        ),
    ] = ()

    exclude: Annotated[
        tuple[str, ...],
        option(
            "following",
            "follow no URL in which this regular expression is found; repeatable",
            "RE",
            example=["[?&]sort="],
        ),
    ] = ()

    max_url_length: Annotated[
        Count, option("following", "take a link with more characters for a trap", "N")
    ] = 2000

    max_repeats: Annotated[
        Count,
        option(
            "following",
            "take a link for a trap in which a part of path or query stands more often",
            "N",
        ),
    ] = 4

    max_per_host: Annotated[
        Count | None,
        option(
            "following",
            "follow no more links to a host once so many of its URLs are known (default: no limit)",
            "N",
            example=10_000,
        ),
    ] = None
