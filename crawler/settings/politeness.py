"""Options under the heading "politeness": limits for each host, robots.txt, private addresses."""

from typing import Annotated

from crawler.model.version import __version__
from crawler.settings.defaults import DELAY, PER_ADDRESS, PER_HOST
from crawler.settings.fetching import FetchingFields
from crawler.settings.option import option
from crawler.settings.types import HeaderText, Pause, Rate, SlotCount


class PolitenessFields(FetchingFields, frozen=True, kw_only=True):
    per_host: Annotated[
        SlotCount | None,
        option(
            "politeness",
            f"maximum number of requests in flight to one host (default: {PER_HOST}; no limit for "
            "a loopback host that is in the input)",
            "N",
            example=PER_HOST,
        ),
    ] = None

    delay: Annotated[
        Pause | None,
        option(
            "politeness",
            f"minimum seconds between requests to one host (default: {DELAY}; 0 for a loopback "
            "host that is in the input)",
            "S",
            example=DELAY,
        ),
    ] = None

    rate: Annotated[
        Rate | None,
        option(
            "politeness",
            "maximum number of requests per second, all hosts together (default: no limit)",
            "N",
            example=50.0,
        ),
    ] = None

    robots: Annotated[bool, option("politeness", "obey robots.txt")] = True

    user_agent: Annotated[
        HeaderText,
        option(
            "politeness",
            "name of the crawler, in the User-Agent header and for what robots.txt, headers and "
            "pages say to robots; --header 'User-Agent: …' replaces it",
            "TEXT",
        ),
    ] = f"crawler/{__version__}"

    allow_private: Annotated[
        tuple[str, ...],
        option(
            "politeness",
            "allow requests to this host or network although its address is not public; repeatable",
            "HOST|CIDR",
            example=["intranet.example", "10.0.0.0/8"],
        ),
    ] = ()

    per_address: Annotated[
        SlotCount | None,
        option(
            "politeness",
            "maximum number of requests in flight to one IP address, all its hosts together "
            f"(default: {PER_ADDRESS}; no limit for a loopback host that is in the input)",
            "N",
            example=PER_ADDRESS,
        ),
    ] = None

    def host_limit(self, *, own: bool) -> int | None:
        """Return the maximum number of requests in flight to one host, or None for no limit.

        ``own`` is as in ``host_delay``.
        """
        return self.per_host or (None if own else PER_HOST)

    def address_limit(self, *, own: bool) -> int | None:
        """Return the maximum number of requests in flight to one address, or None for no limit.

        ``own`` is as in ``host_delay``.
        """
        return self.per_address or (None if own else PER_ADDRESS)

    def host_delay(self, *, own: bool) -> float:
        """Return the minimum seconds between requests to one host.

        ``own``: the host is mocked, or it is a loopback host that is in the input.
        """
        if self.delay is not None:
            return self.delay
        return 0.0 if own else DELAY
