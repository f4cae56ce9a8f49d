"""pyproject.toml and scripts: requirements, extras, groups, and what builds."""

from __future__ import annotations

import pytest

from tests.prefetch.inputs.reading import reading, reasons
from tiercache.prefetch.inputs.inputs import Inputs
from tiercache.prefetch.inputs.markers import MOST_WAYS
from tiercache.prefetch.inputs.pyproject import LEGACY_BUILD

NAME = "pyproject.toml"
PROJECT = """
[build-system]
requires = ["hatchling>=1", "hatch-vcs"]
[project]
name = "My.App"
version = "1"
dependencies = ["foo>=1; python_version<'3.9'", "bar"]
[project.optional-dependencies]
Fast_er = ["quick"]
tls = ["my-app[fast-er]; os_name=='nt'", "seal; python_version<'3.9'"]
every = ["my_app[fast-er,tls]"]
[dependency-groups]
test = ["runner"]
Dev = [{include-group = "test"}, "linter", "my-app[tls]"]
"""


def taken(text: str, *, groups: tuple[str, ...] = (), extras: tuple[str, ...] = ()) -> Inputs:
    return reading(text, NAME, groups=groups, extras=extras)


def test_the_dependencies_of_a_project_are_its_main_part() -> None:
    found = taken(PROJECT)
    assert found.requirements == ('foo>=1; python_version < "3.9"', "bar")
    assert found.build_requirements == ("hatchling>=1", "hatch-vcs")
    assert found.unparseable == ()


@pytest.mark.parametrize(
    ("groups", "extras", "more"),
    [
        ((), ("fast-er",), ["quick"]),
        ((), ("FAST.ER",), ["quick"]),
        ((), ("tls",), ['seal; python_version < "3.9"', 'quick; os_name == "nt"']),
        (("test",), (), ["runner"]),
        (("dev",), (), ["linter", "runner", 'seal; python_version < "3.9"', 'quick; os_name == "nt"']),
    ],
)
def test_wanted_extras_and_groups_are_taken_with_those_that_they_name(
    groups: tuple[str, ...], extras: tuple[str, ...], more: list[str]
) -> None:
    found = taken(PROJECT, groups=groups, extras=extras)
    assert list(found.requirements[2:]) == more
    assert found.unparseable == ()


def test_all_is_every_group_and_every_extra() -> None:
    found = taken(PROJECT, groups=("all",), extras=("all",))
    assert {"quick", "runner", "linter"} <= set(found.requirements)
    assert found.unparseable == ()


def test_a_part_that_a_project_does_not_have_is_told() -> None:
    assert [text for text, _ in reasons(taken(PROJECT, groups=("docs",), extras=("gpu",)))] == [
        "the group docs",
        "the extra gpu",
    ]


def test_a_project_that_does_not_say_what_builds_it_is_built_as_ever() -> None:
    assert taken("[project]\nname = 'a'\n").build_requirements == (LEGACY_BUILD,)


def test_a_requirement_that_comes_from_no_index_is_told_and_the_rest_goes_on() -> None:
    found = taken("[project]\ndependencies = ['foo @ file:///x', 'bar', 'b a z', 3]\n")
    assert found.requirements == ("bar",)
    assert [text for text, _ in reasons(found)] == ["foo @ file:///x", "b a z", "dependencies"]


def test_groups_in_a_circle_are_taken_each_once() -> None:
    text = "[dependency-groups]\na = ['x', {include-group='b'}]\nb = [{include-group='a'}, {include-group='b'}, 'y']\n"
    found = taken(text, groups=("a",))
    assert (found.requirements, found.unparseable) == (("x", "y"), ())


def test_extras_in_a_circle_are_taken_each_once() -> None:
    text = (
        "[project]\nname='a'\n[project.optional-dependencies]\none = ['a[two]', 'x']\ntwo = ['a[one]', 'a[two]', 'y']\n"
    )
    found = taken(text, extras=("one",))
    assert (found.requirements, found.unparseable) == (("x", "y"), ())


def test_extras_in_a_circle_with_markers_end_too() -> None:
    text = "[project]\nname='a'\n[project.optional-dependencies]\none = [\"a[one]; os_name=='nt'\", 'x']\n"
    found = taken(text, extras=("one",))
    assert found.requirements == ("x",)


def test_groups_that_double_at_every_step_cost_no_more_than_there_are() -> None:
    text = "[dependency-groups]\n" + "".join(
        f"g{number} = [{{include-group='g{number + 1}'}}, {{include-group='g{number + 1}'}}]\n"
        for number in range(3_000)
    )
    assert taken(text + "g3000 = ['x']\n", groups=("g0",)).requirements == ("x",)


def test_extras_that_double_at_every_step_cost_no_more_than_there_are() -> None:
    text = "[project]\nname = 'a'\n[project.optional-dependencies]\n" + "".join(
        f"e{number} = [\"a[e{number + 1}]; os_name=='x{number}'\", \"a[e{number + 1}]; os_name=='y{number}'\"]\n"
        for number in range(40)
    )
    found = taken(text + "e40 = ['x']\n", extras=("e0",))
    (line,) = found.requirements
    assert line.startswith("x; ")
    assert line.count(" or ") < MOST_WAYS


def test_two_groups_of_one_name_are_told_and_the_first_is_kept() -> None:
    found = taken("[dependency-groups]\n'a-b' = ['x']\n'A_B' = ['y']\n", groups=("a.b",))
    assert found.requirements == ("x",)
    assert reasons(found) == [("A_B", "dependency-groups has that name twice")]


@pytest.mark.parametrize(
    "entry", ["{include-group = 'nowhere'}", "{include-group = 3}", "{set-phasers = 'stun'}", "{}", "3", "[]"]
)
def test_an_entry_of_a_group_that_makes_no_sense_is_told(entry: str) -> None:
    found = taken(f"[dependency-groups]\na = ['x', {entry}, 'y']\n", groups=("a",))
    assert found.requirements == ("x", "y")
    assert [text for text, _ in reasons(found)] == ["the group a"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[project]\ndependencies = 'foo'\n", "dependencies"),
        ("[project]\ndependencies = {foo = '1'}\n", "dependencies"),
        ("[project]\noptional-dependencies = 3\n", "optional-dependencies"),
        ("[project.optional-dependencies]\na = 'x'\n", "the extra a"),
        ("dependency-groups = 3\n", "dependency-groups"),
        ("[dependency-groups]\na = 'x'\n", "the group a"),
        ("project = 3\n", NAME),
        ("build-system = 3\n", NAME),
        ("[build-system]\nrequires = 'x'\n", NAME),
        ("[build-system]\nrequires = [3]\n", "a requirement"),
        ("[build-system]\nrequires = ['x @ file:///y']\n", "x @ file:///y"),
        ("[project]\ndynamic = ['dependencies']\n", "dependencies"),
        ("[tool.poetry.dependencies]\npython = '*'\nfoo = '^1'\n", "tool.poetry.dependencies"),
        ("[project]\nname = [", NAME),
    ],
)
def test_a_project_with_a_wrong_type_is_told(text: str, told: str) -> None:
    found = taken(text, groups=("all",), extras=("all",))
    assert [one for one, _ in reasons(found)] == [told]


# -- scripts -----------------------------------------------------------------------------------------------------


def script(*lines: str) -> str:
    return "\n".join(["#!/usr/bin/env python", "# /// script", *lines, "# ///", "import foo", ""])


def test_the_block_of_a_script_is_read() -> None:
    text = script("# requires-python = '>=3.11'", "# dependencies = [", "#   'foo<2',  # why", "#", "#   'bar',", "# ]")
    found = reading(text, "tool.py")
    assert (found.requirements, found.unparseable) == (("foo<2", "bar"), ())


def test_a_block_ends_at_the_last_line_that_may_end_it() -> None:
    found = reading("# /// script\n# dependencies = ['foo']\n# ///\n# more = '''\n# '''\n", "tool.py")
    assert found.requirements == ("foo",)
    found = reading("# /// script\n# a = '''\n# ///\n# '''\n# dependencies = ['foo']\n# ///\n", "tool.py")
    assert found.requirements == ("foo",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import foo\n", "it has no block of a script (PEP 723)"),
        ("# /// script\n# dependencies = ['foo']\nimport foo\n", "it has no block of a script (PEP 723)"),
        ("# /// script\nx\n# ///\n", "it has no block of a script (PEP 723)"),
        (script("# dependencies = []") * 2, "it has several blocks"),
        (script("# dependencies = ["), "it is no TOML: "),
        (script("# dependencies = 'foo'"), "its dependencies is no list"),
        ("# /// script\n" * 50_000, "it has no block of a script (PEP 723)"),
        ("# /// script\n#\n" * 50_000, "it has no block of a script (PEP 723)"),
    ],
)
def test_a_script_without_one_block_is_told(text: str, reason: str) -> None:
    found = reading(text, "tool.py")
    ((told, why),) = reasons(found)
    assert (told, why[: len(reason)]) == ("tool.py", reason)


def test_what_of_a_script_comes_from_no_index_is_told() -> None:
    found = reading(script("# dependencies = ['foo @ git+https://vcs.example/foo', 'bar']"), "tool.py")
    assert found.requirements == ("bar",)
    assert [text for text, _ in reasons(found)] == ["foo @ git+https://vcs.example/foo"]
