"""Which links may be followed, and which query parameters are removed. Pure, picklable."""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from crawler.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

from crawler.model.urls import _normalised, authority, host_port, registrable_domain

ScopeKind = Literal["host", "domain", "prefix", "any"]


class Scope(msgspec.Struct, frozen=True):
    """Which links may be followed, relative to the input URL (*seed*) that led to them.

    ``host``: the seed's host and port, http and https alike. ``domain``: its registrable domain.
    ``prefix``: its host, port and directory. ``any``: everywhere. ``include`` and ``exclude`` are
    regular expressions, searched in the URL: at least one of ``include`` must match (if there are
    any) and none of ``exclude``.
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
        return not (self.exclude and _matches(self.exclude, url))

    def _near(self, seed: str, url: str) -> bool:
        if self.kind == "any":
            return True
        if self.kind == "domain":
            return _domain(seed) == registrable_domain(host_port(url)[0])
        return _after_scheme(url).startswith(_scope_prefix(self.kind, seed))


class Strip(msgspec.Struct, frozen=True):
    """Query parameters to remove from URLs: ``names`` exactly, ``beginnings`` as prefixes.

    A session or campaign parameter makes one page look like many.
    """

    names: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()

    def apply(self, url: str) -> str:
        """Return the canonical ``url`` without them; if it has none, the unchanged ``url``."""
        head, mark, query = url.partition("?")
        if not mark or not (self.names or self.beginnings):
            return url
        pairs = query.split("&")
        kept = [pair for pair in pairs if not self._is_left_out(pair)]
        if len(kept) == len(pairs):
            return url
        return f"{head}?{'&'.join(kept)}" if kept else head

    def _is_left_out(self, pair: str) -> bool:
        name = _normalised(pair.partition("=")[0])
        return name in self.names or name.startswith(self.beginnings)


def make_strip(names: "Iterable[str]") -> Strip:
    """``utm_*`` means every name that starts with ``utm_``. Raises UsageError for other ``*``."""
    whole, beginnings = set(), []
    for name in names:
        bare = name.removesuffix("*")
        if not bare or "*" in bare:
            raise UsageError(f"{name!r} is not a parameter name; * is allowed only at its end")
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


def _after_scheme(url: str) -> str:
    """Everything after ``://``: ``host[:port]/path?query``."""
    return _normalised(url).partition("://")[2]


@lru_cache(maxsize=4096)
def _scope_prefix(kind: ScopeKind, seed: str) -> str:
    """What every URL in the scope of ``seed`` starts with, after its scheme."""
    if kind == "host":
        return authority(seed) + "/"
    return _after_scheme(seed).partition("?")[0].rpartition("/")[0] + "/"


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
