"""Gives the origins of the input rights that other origins do not have, also after a resume."""

from collections.abc import Iterable, Mapping

from crawler.app.hidden import parts_of_login
from crawler.fetch.addresses import AddressRules
from crawler.fetch.headers import RequestHeaders
from crawler.frontier.state.store_thread import StoreThread
from crawler.model.secrets import Secrets
from crawler.model.urls import host_port, origin
from crawler.sources import InputLine


class InputRights:
    """An origin of the input may have a private address, and receives its credentials."""

    def __init__(
        self,
        addresses: AddressRules,
        headers: RequestHeaders,
        store: StoreThread,
        secrets: Secrets,
    ) -> None:
        """``secrets`` receives the logins of the input."""
        self._addresses = addresses
        self._headers = headers
        self._store = store
        self._secrets = secrets

    def restore(self, origins: Iterable[str], logins: Mapping[str, str]) -> None:
        """``origins`` are those of the input lines in earlier sessions of the run, ``logins`` their
        ``user:password`` by origin.
        """
        for each in origins:
            self._name(f"{each}/")
        for each, userinfo in logins.items():
            self._log_in(f"{each}/", userinfo)

    def accept(self, line: InputLine) -> None:
        """Call it with each valid input line, before its URL is requested."""
        if not line.own:
            return
        if self._name(line.url):
            self._store.remember_origin(origin(line.url))
        if line.userinfo is not None and self._log_in(line.url, line.userinfo):
            self._store.remember_login(origin(line.url), line.userinfo)

    def _log_in(self, url: str, userinfo: str) -> bool:
        """Send the login to the origin of ``url``; return whether it is another one than before."""
        self._secrets.add(*parts_of_login(userinfo))
        return self._headers.log_in(url, userinfo)

    def _name(self, url: str) -> bool:
        """Give the origin of ``url`` its rights; return whether it has new ones."""
        may_be_private = self._addresses.name(*host_port(url))
        has_credentials = self._headers.name(url)
        return may_be_private or has_credentials
