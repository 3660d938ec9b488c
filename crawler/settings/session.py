"""Options under the heading ``session``."""

from typing import Annotated

from crawler.settings.option import option
from crawler.settings.politeness import PolitenessFields


class SessionFields(PolitenessFields, frozen=True, kw_only=True):
    header: Annotated[
        tuple[str, ...],
        option(
            "session",
            "send this header with every request, Authorization and Cookie to the hosts that the "
            "input names alone; repeatable",
            "'K: V'",
            example=["Accept-Language: de"],
            secret=True,
        ),
    ] = ()

    auth: Annotated[
        tuple[str, ...],
        option(
            "session",
            "log in to this host, by http only where the input names it so; HOST may have a port; "
            "repeatable",
            "HOST=USER:PASS",
            example=["shop.example=user:password"],
            secret=True,
        ),
    ] = ()

    cookies: Annotated[bool, option("session", "keep the cookies that servers set")] = False

    proxy: Annotated[
        str | None,
        option(
            "session",
            "ask through this proxy, which looks up the names: http, https or socks5, see "
            "`crawler engines`",
            "URL",
            example="http://user:password@proxy.example:3128",
            secret=True,
        ),
    ] = None

    insecure: Annotated[
        tuple[str, ...],
        option(
            "session",
            "do not verify the certificate of this host, which may have a port; repeatable",
            "HOST",
            example=["intranet.example"],
        ),
    ] = ()
