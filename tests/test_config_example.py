"""tiers.yaml.example is the manual: each key is there, with its true default, and every example in it is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.doubles.surroundings import load
from tiercache.config.keys import every_place

EXAMPLE = (Path(__file__).resolve().parents[1] / "tiers.yaml.example").read_text(encoding="utf-8")

# A key that is commented out: no space after the mark, or, within such a group, two or more.
_DISABLED = re.compile(r"^( *)#((?:  +)?[^ #\n].*)$")


def groups() -> list[list[int]]:
    """The line numbers of each run of lines that are commented out."""
    found: list[list[int]] = []
    for number, line in enumerate(EXAMPLE.splitlines()):
        if _DISABLED.match(line):
            if found and found[-1][-1] == number - 1:
                found[-1].append(number)
            else:
                found.append([number])
    return found


def enabled(numbers: list[int]) -> str:
    """The example with these lines no longer commented out; what they replace is gone."""
    lines = EXAMPLE.splitlines()
    for number in numbers:
        lines[number] = _DISABLED.sub(r"\1\2", lines[number])
        if (top := re.match(r"[a-z-]+:", lines[number])) is not None:
            lines = [
                line if not re.match(rf"{top[0]}( |$)", line) or at == number else "" for at, line in enumerate(lines)
            ]
    return "\n".join(lines)


def places(value: Any, place: str = "") -> Iterator[str]:
    """The places of a YAML value, list positions left out: `tiers[].url`."""
    if place:
        yield place
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from places(inner, f"{place}[]")


def test_example_is_the_default() -> None:
    assert load(EXAMPLE) == load("")


def test_the_groups_that_are_commented_out_were_found() -> None:
    assert [EXAMPLE.splitlines()[group[0]].strip()[:8] for group in groups()] == [
        "#name: l",
        "#public-",
        "#user: r",
        "#token: ",
        "#publish",
        "#ca: ~/.",
        "#client-",
        "#project",
        "#access:",
    ]


@pytest.mark.parametrize("group", groups(), ids=lambda group: EXAMPLE.splitlines()[group[0]].strip())
def test_example_that_is_commented_out_is_right(group: list[int]) -> None:
    text = enabled(group)
    assert yaml.safe_load(text) != yaml.safe_load(EXAMPLE)
    # A line that is read makes a difference, and what is wrong with it is only that its secrets are not here.
    text = re.sub(r"~/.config/tiercache/(office-password|htpasswd)", "/run/password", text)
    text = text.replace("OFFICE_TOKEN", "TOKEN").replace("ALICES_TOKEN", "LONG_TOKEN")
    assert load(text, hostname="desk") != load("", hostname="desk")


def test_each_key_stands_in_the_example_and_no_other() -> None:
    found = set(places(yaml.safe_load(EXAMPLE)))
    for group in groups():
        found |= set(places(yaml.safe_load(enabled(group))))
    elsewhere = re.compile(r"\[\]$|\.(password|token)\.(file|env)$|^access\.users\.alice$|\.claims\.[a-z_]+$")
    found = {place.replace(".users.alice.", ".users[].") for place in found if not elsewhere.search(place)}
    assert found == set(every_place())


def test_key_without_a_comment_above_its_group_is_not_explained() -> None:
    lines = EXAMPLE.splitlines()
    for number, line in enumerate(lines):
        is_key = re.match(r" *(- )?[a-z-]+:", line) and not re.match(r"(node|store|freshness|publish|prefetch):$", line)
        if is_key:
            above = number
            while lines[above].strip() and not lines[above].strip().startswith("# "):
                above -= 1
            assert lines[above].strip(), f"line {number + 1} has no reason: {line}"
