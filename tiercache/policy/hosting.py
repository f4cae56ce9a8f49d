"""Whose a name is when somebody wants to publish under it here.

A project that is published hides every tier's project of that name, here and at all nodes below: so it is not to
happen by mistake.  A name is this node's if it hosts it already, or if the owner's rules say that no tier may answer
for it, or that one may beside this node; else only if no tier has it.
"""

from __future__ import annotations

from attrs import frozen

from tiercache.policy.selection import ProjectRule, ReservedBy, allowed_tiers, rule_for
from tiercache.simple.model import ProjectName


@frozen(kw_only=True)
class Ours:
    """This node's: no tier is asked."""


@frozen(kw_only=True)
class Theirs:
    """A tier announced it as hosted there, or above."""

    tier: str


@frozen(kw_only=True)
class Unknown:
    """This node's if every tier that may be asked for it says that it has none."""


Whose = Ours | Theirs | Unknown


def whose(project: ProjectName, rules: tuple[ProjectRule, ...], tiers: tuple[str, ...], reserved: ReservedBy) -> Whose:
    """Whose a name is; `tiers`: every tier that may be asked for pages."""
    if reserved.hosted:
        return Ours()
    rule = rule_for(project, rules)
    if rule is not None and rule.also_upstream:
        return Ours()
    if not allowed_tiers(project, rules, tiers):
        return Ours()
    if reserved.announced_by:
        return Theirs(tier=reserved.announced_by[0])
    return Unknown()
