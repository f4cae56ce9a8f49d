"""Permissions: which principals may do what with which projects.

What no grant gives is not given, and the order of grants says nothing.  No permission brings another along.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from attrs import field, frozen

from tiercache.access.principals import Principal, Who
from tiercache.simple.model import ProjectName
from tiercache.simple.patterns import ProjectPatterns

Permission = Literal["read", "prefetch", "publish", "manage", "administer"]


@frozen(kw_only=True)
class Scope:
    """The projects that somebody may do something with: those that match any of `patterns`, or `is_all`."""

    patterns: tuple[ProjectPatterns, ...] = ()
    is_all: bool = False

    def __contains__(self, project: ProjectName) -> bool:
        return self.is_all or any(project in patterns for patterns in self.patterns)

    @property
    def is_empty(self) -> bool:
        """Whether there is no project in it."""
        return not (self.is_all or self.patterns)


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
    """All grants of a node.  None at all: anyone reads, and nobody may do anything else."""

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
        """The projects that a principal may do this with."""
        if permission == "read" and (principal.is_operator or self._for_anyone.is_all):
            return EVERYTHING
        return _scope(
            grant
            for grant in self.grants
            if permission in grant.may and any(who.includes(principal) for who in grant.who)
        )


def _scope(grants: Iterable[Grant]) -> Scope:
    patterns = tuple(dict.fromkeys(grant.projects for grant in grants))
    return EVERYTHING if any(one.match_all for one in patterns) else Scope(patterns=patterns)
