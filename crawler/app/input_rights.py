"""What the input names has rights that a link does not have; they hold after a resume too."""

from collections.abc import Iterable

from crawler.fetch.addresses import AddressRules
from crawler.fetch.headers import RequestHeaders
from crawler.frontier.state.store_thread import StoreThread
from crawler.model.urls import host_port, origin
from crawler.sources import InputLine


class InputRights:
    """An origin that the input names may be private, and receives the credentials meant for it."""

    def __init__(
        self, addresses: AddressRules, headers: RequestHeaders, store: StoreThread
    ) -> None:
        self._addresses = addresses
        self._headers = headers
        self._store = store

    def restore(self, origins: Iterable[str]) -> None:
        """``origins`` were named in earlier sessions of the run."""
        for each in origins:
            self._name(f"{each}/")

    def accept(self, line: InputLine) -> None:
        """A good line of the input, before its URL is requested."""
        if not line.own:
            return
        if self._name(line.url):
            self._store.remember_origin(origin(line.url))
        if line.userinfo is not None:
            self._headers.log_in(line.url, line.userinfo)

    def _name(self, url: str) -> bool:
        """Whether that gives the origin of ``url`` a right that it did not have."""
        may_be_private = self._addresses.name(*host_port(url))
        has_credentials = self._headers.name(url)
        return may_be_private or has_credentials
