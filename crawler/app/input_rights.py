"""Gives the origins of the input rights that other origins do not have, also after a resume."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from crawler.app.fetching import request_headers
from crawler.app.hidden import parts_of_login
from crawler.fetch.addresses import AddressRules
from crawler.fetch.headers import RequestHeaders
from crawler.model.secrets import Secrets
from crawler.model.urls import host_port, origin
from crawler.settings import Settings
from crawler.sources import InputLine


class RightsStore(Protocol):
    """Keeps the rights for the next session."""

    def remember_origin(self, origin: str) -> None: ...

    def remember_login(self, origin: str, userinfo: str) -> None: ...


class InputRights:
    """An origin of the input may have a private address, and receives its credentials."""

    def __init__(
        self,
        addresses: AddressRules,
        headers: RequestHeaders,
        store: RightsStore,
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


def rights_to_share(
    settings: Settings,
    store: RightsStore,
    origins: Iterable[str],
    logins: Mapping[str, str],
) -> InputRights:
    """The rights that a process finds which sends no request; it is for shards that do.

    ``origins`` and ``logins`` are as for ``restore``.
    """
    rules, headers = AddressRules(settings.allow_private), request_headers(settings)
    rights = InputRights(rules, headers, store, Secrets(()))
    rights.restore(origins, logins)
    return rights
