"""Which tiers may be asked for a project, and in which order (`projects:` in `tiers.yaml`)."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from attrs import frozen

from tiercache.simple.model import ProjectName


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


def allowed_tiers(project: ProjectName, rules: tuple[ProjectRule, ...], tiers: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the tiers that may be asked for a project, in the order in which to ask.

    `tiers`: every configured tier, in order.  The first rule that matches has the last word, even if it leaves no
    tier at all; where no rule matches, all tiers may be asked.
    """
    rule = rule_for(project, rules)
    if rule is None:
        return tiers
    return tuple(name for name in dict.fromkeys(rule.tiers) if name in tiers)


def rule_for(project: ProjectName, rules: tuple[ProjectRule, ...]) -> ProjectRule | None:
    """The first rule that matches a project, or None."""
    return next((rule for rule in rules if any(_matches(project, pattern) for pattern in rule.match)), None)


def _matches(project: ProjectName, pattern: str) -> bool:
    # PEP 503's normalisation, on a pattern: the marks of a pattern are none of the characters that it touches.
    return fnmatchcase(project, re.sub(r"[-_.]+", "-", pattern).lower())
