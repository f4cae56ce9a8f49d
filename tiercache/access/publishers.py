"""Trusted publishers: jobs of CI systems, told by what identity tokens claim of them, and what they may do.

Whether a token is genuine is `identity`'s affair, and what comes of it `web.mint`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from attrs import field, frozen

from tiercache.access.permissions import Permission
from tiercache.simple.patterns import ProjectPatterns

OWNER_PREFIX = "ci:"
"""Before the name of what a token was made for: a colon is in no user's name, so that nobody is taken for a user."""

_NAMES_OF_JOBS = ("repository", "project_path", "pipeline_slug", "sub")
_LONGEST_OWNER = 160
_UNFIT_IN_OWNER = re.compile(r"[^\w./:@+-]+", re.ASCII)
_MARKS = re.compile(r"(\*\*|\*|\?)")
_MEANING = {"**": ".*", "*": "[^/]*", "?": "[^/]"}


@frozen
class ClaimPattern:
    """What a claim has to say: `*` stands for any characters but `/`, `**` for any, `?` for one that is no `/`.

    Upper and lower case differ, as they do for those who made the claim.
    """

    pattern: str
    _regex: re.Pattern[str] = field(init=False, eq=False, repr=False)

    @_regex.default
    def _compiled(self) -> re.Pattern[str]:
        parts = _MARKS.split(self.pattern)
        return re.compile("".join(_MEANING.get(part, re.escape(part)) for part in parts), re.DOTALL)

    @property
    def matches_everything(self) -> bool:
        """Whether it says nothing: there are only marks in it."""
        return not _MARKS.sub("", self.pattern)

    @property
    def is_anchored(self) -> bool:
        """Whether it says at least how the claim begins."""
        return not self.pattern.startswith(("*", "?"))

    def matches(self, claimed: object) -> bool:
        """Whether a claim's value is meant.  A number or truth value counts as JSON spells it; a list or null never."""
        match claimed:
            case bool():
                text = "true" if claimed else "false"
            case str() | int():
                text = str(claimed)
            case _:
                return False
        return self._regex.fullmatch(text) is not None


@frozen(kw_only=True)
class TrustedPublisher:
    """Whoever shows a token of `issuer` with these claims gets one of this node's, for `lifetime_s`.

    With it they `may` do that with those projects.  A claim that is named here and missing there does not match.
    """

    issuer: str
    claims: Mapping[str, ClaimPattern]
    may: frozenset[Permission]
    projects: ProjectPatterns
    lifetime_s: float

    def includes(self, issuer: str, claims: Mapping[str, object]) -> bool:
        """Whether the job is meant of which a genuine token of `issuer` claims this."""
        return issuer == self.issuer and all(
            name in claims and pattern.matches(claims[name]) for name, pattern in self.claims.items()
        )


def publisher_of(
    issuer: str, claims: Mapping[str, object], publishers: Iterable[TrustedPublisher]
) -> TrustedPublisher | None:
    """The first of the publishers that is meant, as with the rules of `projects:`; None for nobody."""
    return next((one for one in publishers if one.includes(issuer, claims)), None)


def owner_of(claims: Mapping[str, object]) -> str:
    """How the job is called in logs and in the audit trail, such as `ci:acme/tools`: short, in ASCII, never empty."""
    named = next((value for name in _NAMES_OF_JOBS if isinstance(value := claims.get(name), str) and value), "unnamed")
    return OWNER_PREFIX + _UNFIT_IN_OWNER.sub("-", named)[:_LONGEST_OWNER]
