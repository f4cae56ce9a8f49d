"""Which tiers may be asked for a project, and in which order.

What the owner's rules say (`projects:` in `tiers.yaml`), and what is reserved: a name that this node hosts, or that a
node above announced as hosted there, is answered by no other tier, whatever the outage.  What the tiers then say, and
what becomes of it, is in `tiercache.cache.chain` and `tiercache.policy.conclude`.
"""

from __future__ import annotations

from functools import cache

from attrs import frozen

from tiercache.simple.model import ProjectName
from tiercache.simple.patterns import ProjectPatterns

HERE = "here"
"""Stands where a tier's name would, for what is hosted on this node: in the head of its page, in the records of its
files."""


@frozen(kw_only=True)
class ProjectRule:
    """For the projects whose normalised name matches one of `match`, only `tiers` may be asked, in that order.

    `match` are shell-style patterns (`*`, `?`, `[a-z]`), written in any spelling of the name.  `merge`: pages of
    several tiers are made one.  `also_upstream`: the tiers that may be asked although the project is hosted here.
    """

    match: tuple[str, ...]
    tiers: tuple[str, ...]
    merge: bool = False
    also_upstream: tuple[str, ...] = ()


@frozen(kw_only=True)
class ReservedBy:
    """Who alone may answer for a name: this node, if it is `hosted` here, else the tiers that announced it."""

    hosted: bool = False
    announced_by: tuple[str, ...] = ()


NOT_RESERVED = ReservedBy()


@frozen(kw_only=True)
class Selection:
    """Who answers for a project.

    `tiers`: those that may be asked, in order; the first that has the project answers alone, or with `merge` all of
    them do, and earlier ones win.  `hosted`: this node's own files come before all.  `reserved`: those of `tiers` that
    announced the name; without the word of any of them that of the others is no answer.
    """

    tiers: tuple[str, ...]
    hosted: bool = False
    merge: bool = False
    reserved: tuple[str, ...] = ()


def select(
    project: ProjectName, rules: tuple[ProjectRule, ...], tiers: tuple[str, ...], reserved: ReservedBy
) -> Selection:
    """Who answers for a project; `tiers`: every tier that may be asked for pages, in the order of the configuration.

    `also-upstream` opens a reserved name on purpose: to tiers that need not stand in the rule's `tiers`, and behind
    those that announced it.  Where a name is reserved for tiers that the rule excludes, nobody answers.
    """
    rule = rule_for(project, rules)
    allowed = _allowed(rule, tiers)
    if not reserved.hosted and not reserved.announced_by:
        return Selection(tiers=allowed, merge=rule is not None and rule.merge and len(allowed) > 1)
    opened = tuple(name for name in rule.also_upstream if name in tiers) if rule is not None else ()
    announcing = () if reserved.hosted else tuple(name for name in allowed if name in reserved.announced_by)
    asked = tuple(dict.fromkeys((*announcing, *opened)))
    # Among the tiers that announced it, as among all, only the owner's word makes one page of several.
    merges = bool(set(asked) - set(announcing)) or (rule is not None and rule.merge)
    return Selection(tiers=asked, hosted=reserved.hosted, merge=merges and len(asked) > 1, reserved=announcing)


def allowed_tiers(project: ProjectName, rules: tuple[ProjectRule, ...], tiers: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the tiers that may be asked for a project, in the order in which to ask.

    `tiers`: every configured tier, in order.  The first rule that matches has the last word, even if it leaves no
    tier at all; where no rule matches, all tiers may be asked.
    """
    return _allowed(rule_for(project, rules), tiers)


def _allowed(rule: ProjectRule | None, tiers: tuple[str, ...]) -> tuple[str, ...]:
    if rule is None:
        return tiers
    return tuple(name for name in dict.fromkeys(rule.tiers) if name in tiers)


def rule_for(project: ProjectName, rules: tuple[ProjectRule, ...]) -> ProjectRule | None:
    """The first rule that matches a project, or None."""
    return next((rule for rule in rules if project in _patterns(rule.match)), None)


@cache
def _patterns(match: tuple[str, ...]) -> ProjectPatterns:
    return ProjectPatterns(match)
