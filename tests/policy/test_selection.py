from __future__ import annotations

import pytest

from tiercache.policy.selection import ProjectRule, allowed_tiers, rule_for
from tiercache.simple.model import ProjectName

TIERS = ("office", "spare", "public")


def rule(*match: str, tiers: tuple[str, ...] = ("office",)) -> ProjectRule:
    return ProjectRule(match=match, tiers=tiers)


def test_without_a_rule_every_tier_may_be_asked_in_order() -> None:
    assert allowed_tiers(ProjectName("numpy"), (), TIERS) == TIERS
    assert allowed_tiers(ProjectName("numpy"), (rule("acme-*"),), TIERS) == TIERS


def test_first_rule_that_matches_has_the_last_word() -> None:
    rules = (rule("acme-open", tiers=("public",)), rule("acme-*"), rule("*", tiers=("public", "office")))
    assert allowed_tiers(ProjectName("acme-open"), rules, TIERS) == ("public",)
    assert allowed_tiers(ProjectName("acme-shut"), rules, TIERS) == ("office",)
    assert allowed_tiers(ProjectName("numpy"), rules, TIERS) == ("public", "office")


def test_rule_without_a_tier_that_exists_leaves_none() -> None:
    assert allowed_tiers(ProjectName("acme-shut"), (rule("acme-*", tiers=("gone",)),), TIERS) == ()
    assert allowed_tiers(ProjectName("acme-shut"), (rule("acme-*", tiers=()),), TIERS) == ()


def test_tier_named_twice_is_asked_once() -> None:
    assert allowed_tiers(ProjectName("numpy"), (rule("*", tiers=("spare", "office", "spare")),), TIERS) == (
        "spare",
        "office",
    )


@pytest.mark.parametrize(
    ("pattern", "project", "matches"),
    [
        ("acme-*", "acme-tools", True),
        ("acme-*", "acme", False),
        ("acme-*", "acmetools", False),
        ("acme-*", "not-acme-tools", False),
        ("acme*", "acme", True),
        ("ACME_*", "acme-tools", True),
        ("Acme.*", "acme-tools", True),
        ("Acme.*", "acmetools", False),
        ("acme__.-tools", "acme-tools", True),
        ("*.Internal", "some-internal", True),
        ("*.Internal", "internal", False),
        ("Numpy", "numpy", True),
        ("numpy", "numpy-stubs", False),
        ("lib?", "lib2", True),
        ("lib?", "lib", False),
        ("lib[0-9]", "lib2", True),
        ("lib[0-9]", "libx", False),
        ("lib[!0-9]", "libx", True),
        ("*", "numpy", True),
        ("", "numpy", False),
    ],
)
def test_patterns_are_normalised_as_names_are(pattern: str, project: str, matches: bool) -> None:
    only = rule(pattern)
    assert rule_for(ProjectName(project), (only,)) == (only if matches else None)


def test_any_pattern_of_a_rule_will_do() -> None:
    assert rule_for(ProjectName("numpy"), (rule("scipy", "num*"),)) is not None
