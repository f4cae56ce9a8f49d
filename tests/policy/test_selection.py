from __future__ import annotations

import pytest

from tiercache.policy.selection import (
    NOT_RESERVED,
    ProjectRule,
    ReservedBy,
    Selection,
    allowed_tiers,
    rule_for,
    select,
)
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


# -- reserved names ---------------------------------------------------------------------------------------------

NUMPY = ProjectName("numpy")
HOSTED = ReservedBy(hosted=True)


def by(*tiers: str) -> ReservedBy:
    return ReservedBy(announced_by=tiers)


def selected(reserved: ReservedBy, *, rule: ProjectRule | None = None) -> Selection:
    return select(NUMPY, () if rule is None else (rule,), TIERS, reserved)


def everything(*tiers: str, merge: bool = False, also_upstream: tuple[str, ...] = ()) -> ProjectRule:
    return ProjectRule(match=("*",), tiers=tiers or TIERS, merge=merge, also_upstream=also_upstream)


def test_a_name_that_nobody_has_reserved_is_answered_by_the_rule() -> None:
    assert selected(NOT_RESERVED) == Selection(tiers=TIERS)
    assert selected(NOT_RESERVED, rule=everything("public")) == Selection(tiers=("public",))
    assert selected(NOT_RESERVED, rule=everything("office", also_upstream=("public",))) == Selection(tiers=("office",))


def test_a_name_that_is_hosted_here_is_asked_of_nobody() -> None:
    assert selected(HOSTED) == Selection(tiers=(), hosted=True)
    assert selected(HOSTED, rule=everything(merge=True)) == Selection(tiers=(), hosted=True)
    assert selected(ReservedBy(hosted=True, announced_by=("office",))) == Selection(tiers=(), hosted=True)


def test_a_name_that_a_tier_announced_is_asked_of_that_tier_alone() -> None:
    assert selected(by("spare")) == Selection(tiers=("spare",), reserved=("spare",))
    assert selected(by("spare", "office")) == Selection(tiers=("office", "spare"), reserved=("office", "spare"))
    assert selected(by("spare", "office"), rule=everything("spare", "public", "office")) == Selection(
        tiers=("spare", "office"), reserved=("spare", "office")
    )


@pytest.mark.parametrize("announcing", ["office", "a tier of before"])
def test_a_name_that_is_reserved_for_tiers_that_may_not_be_asked_is_asked_of_nobody(announcing: str) -> None:
    assert selected(by(announcing), rule=everything("public")) == Selection(tiers=())


def test_also_upstream_opens_a_reserved_name_behind_those_who_reserved_it() -> None:
    opened = everything("public", "office", also_upstream=("public",))
    assert selected(by("office"), rule=opened) == Selection(
        tiers=("office", "public"), merge=True, reserved=("office",)
    )
    assert selected(HOSTED, rule=opened) == Selection(tiers=("public",), hosted=True)
    both = everything("office", also_upstream=("public", "spare", "public"))
    assert selected(HOSTED, rule=both) == Selection(tiers=("public", "spare"), hosted=True, merge=True)
    assert selected(by("public"), rule=opened) == Selection(tiers=("public",), reserved=("public",))


def test_also_upstream_names_no_tier_that_is_not_there() -> None:
    assert selected(HOSTED, rule=everything(also_upstream=("gone",))) == Selection(tiers=(), hosted=True)


def test_pages_are_merged_where_the_rule_says_so_and_there_is_more_than_one() -> None:
    assert selected(NOT_RESERVED, rule=everything(merge=True)) == Selection(tiers=TIERS, merge=True)
    assert selected(NOT_RESERVED, rule=everything("office", merge=True)) == Selection(tiers=("office",))
    assert selected(NOT_RESERVED, rule=everything("office", "gone", merge=True)) == Selection(tiers=("office",))
    assert selected(by("office"), rule=everything(merge=True)) == Selection(tiers=("office",), reserved=("office",))
    assert selected(by("office", "spare"), rule=everything(merge=True)) == Selection(
        tiers=("office", "spare"), merge=True, reserved=("office", "spare")
    )
