"""Which links may be followed, and which query parameters a URL does without. Pure, picklable."""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from crawler.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

from crawler.model.urls import _level, authority, host_port, registrable_domain

ScopeKind = Literal["host", "domain", "prefix", "any"]


class Scope(msgspec.Struct, frozen=True):
    """Which links may be followed, seen from the input URL (*seed*) they descend from.

    ``host``: the seed's host and port, http and https alike. ``domain``: its registrable domain.
    ``prefix``: its host, port and directory. ``any``: everywhere. ``include`` and ``exclude`` are
    regular expressions, searched in the URL: one of the former (if any), none of the latter.
    """

    kind: ScopeKind = "host"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def allows(self, seed: str, url: str) -> bool:
        """Whether ``url`` is in the scope of ``seed``; both are canonical."""
        if not self._near(seed, url):
            return False
        if self.include and not _matches(self.include, url):
            return False
        return not _matches(self.exclude, url)

    def _near(self, seed: str, url: str) -> bool:
        if self.kind == "any":
            return True
        if self.kind == "domain":
            return _domain(seed) == registrable_domain(host_port(url)[0])
        return _place(url).startswith(_territory(self.kind, seed))


class Strip(msgspec.Struct, frozen=True):
    """Which query parameters are left out of a URL: these ``names`` and those that begin so.

    A parameter that carries a session or a campaign makes one page look like many.
    """

    names: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()

    def apply(self, url: str) -> str:
        """The canonical ``url`` without them; as it was, to the letter, if there are none."""
        head, mark, query = url.partition("?")
        if not mark or not (self.names or self.beginnings):
            return url
        pairs = query.split("&")
        kept = [pair for pair in pairs if not self._is_left_out(pair)]
        if len(kept) == len(pairs):
            return url
        return f"{head}?{'&'.join(kept)}" if kept else head

    def _is_left_out(self, pair: str) -> bool:
        name = _level(pair.partition("=")[0])
        return name in self.names or name.startswith(self.beginnings)


def make_strip(names: "Iterable[str]") -> Strip:
    """``utm_*`` stands for every name that begins so. Raises UsageError for a ``*`` elsewhere."""
    whole, beginnings = set(), []
    for name in names:
        bare = name.removesuffix("*")
        if not bare or "*" in bare:
            raise UsageError(f"{name!r} is no name of a parameter, nor the beginning of one and *")
        if bare == name:
            whole.add(name)
        else:
            beginnings.append(bare)
    return Strip(frozenset(whole), tuple(beginnings))


def make_scope(kind: str, include: "Iterable[str]" = (), exclude: "Iterable[str]" = ()) -> Scope:
    """Make a scope. Raises UsageError for an unknown kind or an invalid regular expression."""
    scope = Scope(_scope_kind(kind), tuple(include), tuple(exclude))
    for pattern in scope.include + scope.exclude:
        try:
            re.compile(pattern)
        except re.error as error:
            raise UsageError(f"invalid regular expression {pattern!r}: {error}") from error
    return scope


def _place(url: str) -> str:
    """Everything behind the scheme: ``host[:port]/path?query``."""
    return _level(url).partition("://")[2]


@lru_cache(maxsize=4096)
def _territory(kind: ScopeKind, seed: str) -> str:
    """Find what every place in the scope of ``seed`` starts with."""
    if kind == "host":
        return authority(seed) + "/"
    return _place(seed).partition("?")[0].rpartition("/")[0] + "/"


@lru_cache(maxsize=4096)
def _domain(seed: str) -> str:
    return registrable_domain(host_port(seed)[0])


def _matches(patterns: tuple[str, ...], url: str) -> bool:
    return any(re.search(pattern, url) for pattern in patterns)


def _scope_kind(kind: str) -> ScopeKind:
    for known in get_args(ScopeKind):
        if kind == known:
            return known  # type: ignore[no-any-return]
    raise UsageError(f"unknown scope {kind!r}: one of {', '.join(get_args(ScopeKind))}")
