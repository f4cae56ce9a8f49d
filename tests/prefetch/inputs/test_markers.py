"""Markers with extras and groups decided."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker, default_environment

from tiercache.prefetch.inputs.gathering import NotTaken, Parts
from tiercache.prefetch.inputs.markers import ALWAYS, NEVER, Decided, decided, either, further, marker_of

PARTS = Parts.of(groups=["dev"], extras=["fast", "Socks_5"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, True),
        ("  ", True),
        ("os_name == 'nt'", 'os_name == "nt"'),
        ("extra == 'fast'", True),
        ("'fast' == extra", True),
        ("extra == 'slow'", False),
        ("extra != 'slow'", True),
        ("extra == 'socks-5'", True),
        ("'fast' in extras", True),
        ("'slow' in extras", False),
        ("'slow'   not   in extras", True),
        ("'dev' in dependency_groups", True),
        ("'fast' in dependency_groups", False),
        ("os_name == 'nt' and extra == 'fast'", 'os_name == "nt"'),
        ("os_name == 'nt' and extra == 'slow'", False),
        ("os_name == 'nt' or extra == 'fast'", True),
        ("os_name == 'nt' or extra == 'slow'", 'os_name == "nt"'),
        ("(extra == 'slow' or os_name == 'nt') and ('dev' in dependency_groups)", 'os_name == "nt"'),
        (
            "(os_name == 'a' or os_name == 'b') and (extra == 'fast' and os_name == 'c')",
            '(os_name == "a" or os_name == "b") and os_name == "c"',
        ),
        (
            "os_name == 'a' or os_name == 'b' and extra == 'fast' and os_name == 'c'",
            'os_name == "a" or (os_name == "b" and os_name == "c")',
        ),
        ("os_name == 'a or extra == 1' and extra == 'fast'", 'os_name == "a or extra == 1"'),
        ("'extra' in platform_version or extra == 'slow'", '"extra" in platform_version'),
    ],
)
def test_what_is_no_matter_of_the_environment_is_decided(text: str | None, expected: Decided) -> None:
    assert decided(text, PARTS.decide) == expected


@pytest.mark.parametrize("text", ["nonsense", "os_name", "os_name == nt", "extra == 'x' and", "(" * 300, "'" * 30_000])
def test_what_is_no_marker_is_not_taken(text: str) -> None:
    with pytest.raises(NotTaken, match="marker"):
        decided(text, PARTS.decide)


VARIABLES = {"os_name": ["nt", "posix"], "extra": ["fast", "slow"], "python_version": ["3.8", "3.12"]}
comparisons = st.sampled_from([f"{name} == '{value}'" for name, values in VARIABLES.items() for value in values])
expressions = st.recursive(
    comparisons,
    lambda inner: st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
        lambda of: f"({of[0]}) {of[1]} ({of[2]})"
    ),
    max_leaves=12,
)


@given(
    text=expressions,
    os_name=st.sampled_from(VARIABLES["os_name"]),
    python=st.sampled_from(VARIABLES["python_version"]),
    extra=st.sampled_from(["fast", "slow"]),
)
def test_a_decided_marker_says_what_the_whole_one_says(text: str, os_name: str, python: str, extra: str) -> None:
    environment = {**default_environment(), "os_name": os_name, "python_version": python}
    found = decided(text, Parts.of(extras=[extra]).decide)
    says = Marker(found).evaluate(environment) if isinstance(found, str) else found
    assert says == Marker(text).evaluate({**environment, "extra": extra})


@given(
    ways=st.lists(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=3), max_size=8),
    on=st.sets(st.sampled_from("abcd")),
)
def test_ways_together_hold_where_one_of_them_does(ways: list[list[str]], on: set[str]) -> None:
    together = NEVER
    for way in ways:
        steps = ALWAYS
        for step in way:
            steps = further(steps, f"os_name == '{step}'")
        together = either(together, steps)
    expected = any(set(way) <= on for way in ways)
    held = any(all(marker.split("'")[1] in on for marker in way) for way in together)
    assert held == expected
    assert (marker_of(together) is True) == any(not way for way in ways)
