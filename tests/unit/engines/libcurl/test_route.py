"""Which options of a reused handle the next route sets."""

from typing import Any, cast

import pycurl
import pytest

from crawler.engines.libcurl.route import TransferRoute
from crawler.model.exchange import Endpoint, Proxy

ONE, OTHER = Endpoint("192.0.2.1", "192.0.2.1", 80), Endpoint("2001:db8::1", "2001:db8::1", 443)
PROXY = Proxy("https", "p.example", 3128, "user:password")


class Handle:
    """Knows its options, and how many were set since the last look."""

    def __init__(self) -> None:
        self.options: dict[int, object] = {}
        self.changes = 0

    def setopt(self, option: int, value: object) -> None:
        self.options[option] = value
        self.changes += 1

    def unsetopt(self, option: int) -> None:
        self.options.pop(option, None)
        self.changes += 1


@pytest.mark.parametrize("last", [(ONE, None), (OTHER, None), (ONE, PROXY), (OTHER, PROXY)])
@pytest.mark.parametrize("before", [(ONE, None), (OTHER, None), (ONE, PROXY), (OTHER, PROXY)])
def test_a_reused_handle_has_the_options_of_a_new_one(
    before: tuple[Endpoint, Proxy | None], last: tuple[Endpoint, Proxy | None]
) -> None:
    reused, new = Handle(), Handle()
    route = TransferRoute(cast("Any", reused))
    route.set(*before)
    route.set(*last)
    TransferRoute(cast("Any", new)).set(*last)
    if last[1] is None:  # what belongs to proxies does not matter without one
        proxied = (pycurl.PROXY_SSL_VERIFYPEER, pycurl.PROXY_SSL_VERIFYHOST)
        reused.options = {key: each for key, each in reused.options.items() if key not in proxied}
    assert reused.options == new.options


def test_another_place_without_a_proxy_is_one_option() -> None:
    handle = Handle()
    route = TransferRoute(cast("Any", handle))
    route.set(ONE, None)
    handle.changes = 0
    route.set(ONE, None)
    assert handle.changes == 0
    route.set(OTHER, None)
    assert handle.changes == 1
    assert handle.options[pycurl.CONNECT_TO] == ["::[2001:db8::1]:443"]
