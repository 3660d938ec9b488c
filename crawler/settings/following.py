"""Options under the heading "following": which links are followed, and how many pages there are."""

from typing import Annotated, Literal

from crawler.settings.option import option
from crawler.settings.session import SessionFields
from crawler.settings.types import Count, Natural


class FollowingFields(SessionFields, frozen=True, kw_only=True):
    follow: Annotated[
        bool,
        option(
            "following",
            "follow links, frames and refreshes: also fetch the pages that pages lead to",
        ),
    ] = False

    depth: Annotated[
        Natural | None,
        option(
            "following",
            "maximum number of links between an input URL and a page (default: no limit)",
            "N",
            example=3,
        ),
    ] = None

    max_pages: Annotated[
        Count | None,
        option(
            "following",
            "stop after this number of pages (default: no limit)",
            "N",
            example=1000,
        ),
    ] = None

    scope: Annotated[
        Literal["host", "domain", "prefix", "any"],
        option(
            "following",
            "which links are followed: those to the host, the registrable domain or the directory "
            "(prefix) of the input URL, or any",
            "NAME",
        ),
    ] = "host"

    include: Annotated[
        tuple[str, ...],
        option(
            "following",
            "follow only URLs that contain a match of this regular expression; repeatable",
            "RE",
            example=["/docs/"],
        ),
    ] = ()

    exclude: Annotated[
        tuple[str, ...],
        option(
            "following",
            "do not follow URLs that contain a match of this regular expression; repeatable",
            "RE",
            example=["[?&]sort="],
        ),
    ] = ()

    max_url_length: Annotated[
        Count,
        option(
            "following", "skip links with more characters than this: they may be crawler traps", "N"
        ),
    ] = 2000

    max_repeats: Annotated[
        Count,
        option(
            "following",
            "skip links in which one part of the path or query occurs more often than this: they "
            "may be crawler traps",
            "N",
        ),
    ] = 4

    max_per_host: Annotated[
        Count | None,
        option(
            "following",
            "skip further links to a host when this number of its URLs is known (default: no "
            "limit)",
            "N",
            example=10_000,
        ),
    ] = None
