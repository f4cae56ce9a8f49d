"""Permissions: which principals may do what with which projects.

What no grant gives is not given, and the order of grants says nothing.  No permission brings another along.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from attrs import field, frozen

from tiercache.access.principals import Principal, Who
from tiercache.access.tokens import Permission
from tiercache.simple.model import ProjectName
from tiercache.simple.patterns import ProjectPatterns

__all__ = ["EVERYTHING", "NOTHING", "Grant", "Permission", "Permissions", "Scope"]


class Projects(Protocol):
    """Any set of projects that can tell whether one is in it."""

    def __contains__(self, project: ProjectName, /) -> bool: ...


@frozen(kw_only=True)
class Scope:
    """The projects that somebody may do something with: those that match any of `patterns`, or `is_all`."""

    patterns: tuple[Projects, ...] = ()
    is_all: bool = False

    def __contains__(self, project: ProjectName) -> bool:
        return self.is_all or any(project in patterns for patterns in self.patterns)

    @property
    def is_empty(self) -> bool:
        """Whether there is no project in it."""
        return not (self.is_all or self.patterns)

    def __or__(self, other: Scope) -> Scope:
        if self.is_all or other.is_all:
            return EVERYTHING
        return Scope(patterns=tuple(dict.fromkeys((*self.patterns, *other.patterns))))

    def within(self, projects: ProjectPatterns) -> Scope:
        """Those of them that match these patterns."""
        if projects.match_all or self.is_empty:
            return self
        if self.is_all:
            return Scope(patterns=(projects,))
        return Scope(patterns=tuple(_Both(patterns, projects) for patterns in self.patterns))


@frozen
class _Both:
    """What is in two sets of projects."""

    _first: Projects
    _second: Projects

    def __contains__(self, project: ProjectName) -> bool:
        return project in self._first and project in self._second


EVERYTHING = Scope(is_all=True)
NOTHING = Scope()


@frozen(kw_only=True)
class Grant:
    """Those of `who` may do what is in `may` with the projects in `projects`."""

    who: tuple[Who, ...]
    may: frozenset[Permission]
    projects: ProjectPatterns


@frozen(kw_only=True)
class Permissions:
    """All grants of a node.  None at all: anyone reads, and who is of the node's own machine may do the rest."""

    grants: tuple[Grant, ...] = ()
    _for_anyone: Scope = field(init=False)

    @_for_anyone.default
    def _what_anyone_reads(self) -> Scope:
        if not self.grants:
            return EVERYTHING
        return _scope(grant for grant in self.grants if "read" in grant.may and any(who.is_anyone for who in grant.who))

    @property
    def read_by_anyone(self) -> Scope:
        """What anyone reads, wherever they come from: shared caches may keep that, and nobody need say who they are."""
        return self._for_anyone

    def scope(self, principal: Principal, permission: Permission) -> Scope:
        """The projects that a principal may do this with.

        A token leaves of this what it was issued for; what anyone reads it leaves as it is.
        """
        token = principal.token
        if token is None:
            return self._granted(principal, permission)
        for_anyone = self._for_anyone if permission == "read" else NOTHING
        if permission not in token.may:
            return for_anyone
        return for_anyone | self._granted(principal, permission).within(token.projects)

    def _granted(self, principal: Principal, permission: Permission) -> Scope:
        is_bounded_by_its_token = principal.token is not None and principal.token.kind != "user"
        if principal.is_operator or is_bounded_by_its_token or (permission == "read" and self._for_anyone.is_all):
            return EVERYTHING
        if not self.grants:
            return EVERYTHING if principal.is_local else NOTHING
        return _scope(
            grant
            for grant in self.grants
            if permission in grant.may and any(who.includes(principal) for who in grant.who)
        )


def _scope(grants: Iterable[Grant]) -> Scope:
    patterns = tuple(dict.fromkeys(grant.projects for grant in grants))
    return EVERYTHING if any(one.match_all for one in patterns) else Scope(patterns=patterns)
