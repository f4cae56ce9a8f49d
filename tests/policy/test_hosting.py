"""Whose a name is when somebody publishes under it, rule by rule."""

from __future__ import annotations

import pytest

from tiercache.policy.hosting import Ours, Theirs, Unknown, Whose, whose
from tiercache.policy.selection import NOT_RESERVED, ProjectRule, ReservedBy
from tiercache.simple.names import normalise

ACME = normalise("acme")
TIERS = ("office", "public")
HOSTED = ReservedBy(hosted=True)
ANNOUNCED = ReservedBy(announced_by=("office",))
BOTH = ReservedBy(hosted=True, announced_by=("office",))


def rule(*tiers: str, also: tuple[str, ...] = (), match: str = "acme*") -> tuple[ProjectRule, ...]:
    return (ProjectRule(match=(match,), tiers=tiers, also_upstream=also),)


@pytest.mark.parametrize(
    ("rules", "reserved", "found"),
    [
        # without a rule: what is hosted here is ours, what others announced theirs, and of the rest they are asked
        ((), NOT_RESERVED, Unknown()),
        ((), HOSTED, Ours()),
        ((), BOTH, Ours()),
        ((), ANNOUNCED, Theirs(tier="office")),
        (rule("office", "public", match="other"), NOT_RESERVED, Unknown()),
        # a rule that lets no tier answer gives the name to this node, even one that a tier announced
        (rule(), NOT_RESERVED, Ours()),
        (rule(), ANNOUNCED, Ours()),
        (rule("gone"), NOT_RESERVED, Ours()),
        # a rule that lets some answer leaves it to them
        (rule("office"), NOT_RESERVED, Unknown()),
        (rule("office"), ANNOUNCED, Theirs(tier="office")),
        (rule("public"), ANNOUNCED, Theirs(tier="office")),
        # unless it lets them answer beside this node
        (rule("office", "public", also=("public",)), NOT_RESERVED, Ours()),
        (rule("office", also=("office",)), ANNOUNCED, Ours()),
        # the first rule that matches has the last word
        (rule("office") + rule(match="*"), NOT_RESERVED, Unknown()),
        (rule(match="other") + rule("public", also=("public",)), NOT_RESERVED, Ours()),
    ],
)
def test_name_is_whose_rules_and_reservations_say(
    rules: tuple[ProjectRule, ...], reserved: ReservedBy, found: Whose
) -> None:
    assert whose(ACME, rules, TIERS, reserved) == found


def test_a_node_without_tiers_owns_every_name() -> None:
    assert whose(ACME, (), (), NOT_RESERVED) == Ours()
