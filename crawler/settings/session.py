"""Options under the heading "session": headers, logins, cookies, the proxy, certificates."""

from typing import Annotated

from crawler.settings.option import option
from crawler.settings.politeness import PolitenessFields


class SessionFields(PolitenessFields, frozen=True, kw_only=True):
    header: Annotated[
        tuple[str, ...],
        option(
            "session",
            "send this header with every request; Authorization and Cookie are sent only to the "
            "origins (scheme, host and port) of the input URLs; repeatable",
            "'K: V'",
            example=["Accept-Language: de"],
            secret=True,
        ),
    ] = ()

    auth: Annotated[
        tuple[str, ...],
        option(
            "session",
            "log in to this host with HTTP basic authentication; over http only if the input has "
            "an http URL of the host; HOST may include a port; repeatable",
            "HOST=USER:PASS",
            example=["shop.example=user:password"],
            secret=True,
        ),
    ] = ()

    cookies: Annotated[
        bool, option("session", "store the cookies that servers set, and send them back")
    ] = False

    proxy: Annotated[
        str | None,
        option(
            "session",
            "send all requests through this proxy, which also resolves the host names; http, https "
            "or socks5, see `crawler engines` for what each engine supports",
            "URL",
            example="http://user:password@proxy.example:3128",
            secret=True,
        ),
    ] = None

    insecure: Annotated[
        tuple[str, ...],
        option(
            "session",
            "do not verify the TLS certificate of this host; HOST may include a port; repeatable",
            "HOST",
            example=["intranet.example"],
        ),
    ] = ()
