"""What an sdist requires, as far as it can be told without building it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.metadata import parse_email

from tiercache.policy.sdist_metadata import stated_metadata, undecided

HEAD = "Name: app\nVersion: 1.0\n"


def requires(pkg_info: str, pyproject: str | None = None) -> list[str] | None:
    found = stated_metadata(pkg_info.encode(), None if pyproject is None else pyproject.encode())
    return None if found is None else parse_email(found)[0].get("requires_dist", [])


def test_pkg_info_since_2_2_is_relied_on_but_for_what_is_dynamic() -> None:
    reliable = f"Metadata-Version: 2.2\n{HEAD}Requires-Dist: part\n"
    assert requires(reliable) == ["part"]
    assert requires(f"Metadata-Version: 2.2\n{HEAD}") == []
    assert requires(f"{reliable}Dynamic: Version\n") == ["part"]
    assert requires(f"{reliable}Dynamic: Requires-Dist\n") is None
    assert requires(f"{reliable}Dynamic: provides-extra\n") is None


def test_older_pkg_info_counts_where_it_names_requirements() -> None:
    assert requires(f"Metadata-Version: 2.1\n{HEAD}Requires-Dist: part\n") == ["part"]
    assert requires(f"Metadata-Version: 2.1\n{HEAD}") is None
    assert requires(f"Metadata-Version: 1.0\n{HEAD}") is None


def test_else_the_project_in_its_pyproject_tells() -> None:
    old = f"Metadata-Version: 2.1\n{HEAD}Requires-Python: >=3.9\n"
    pyproject = """
        [project]
        name = "app"
        dependencies = ["part>1"]
        [project.optional-dependencies]
        Fast_Mode = ["quick; python_version < '3.10'", "quicker"]
    """
    assert requires(old, pyproject) == [
        "part>1",
        'quick ; (python_version < "3.10") and extra == "fast-mode"',
        'quicker ; extra == "fast-mode"',
    ]
    found = parse_email(stated_metadata(old.encode(), pyproject.encode()) or b"")[0]
    assert (found["name"], found["version"], found["requires_python"]) == ("app", "1.0", ">=3.9")
    assert found["provides_extra"] == ["fast-mode"]
    assert requires(old, '[project]\nname = "app"\n') == []


@pytest.mark.parametrize(
    "pyproject",
    [
        "",
        "[tool.x]",
        "project = 1",
        '[project]\ndynamic = ["dependencies"]',
        '[project]\ndynamic = ["optional-dependencies"]',
        "[project]\ndynamic = 1",
        '[project]\ndependencies = "part"',
        '[project]\ndependencies = ["not a requirement !"]',
        '[project]\noptional-dependencies = {"no name!" = []}',
        "[project",
    ],
)
def test_a_pyproject_that_does_not_say_leaves_it_to_a_build(pyproject: str) -> None:
    assert requires(f"Metadata-Version: 2.1\n{HEAD}", pyproject) is None


def test_pkg_info_without_a_name_is_none() -> None:
    assert requires("Metadata-Version: 2.2\nVersion: 1\n") is None
    assert requires("") is None


@given(st.binary(), st.none() | st.binary())
def test_whatever_stands_in_an_sdist_is_no_error(pkg_info: bytes, pyproject: bytes | None) -> None:
    stated_metadata(pkg_info, pyproject)


def test_what_is_undecided_says_why() -> None:
    assert b"Requires-Dist: (only a build tells)" in undecided("app", "1.0", "only a build tells")


def test_a_pyproject_that_is_made_to_be_slow_tells_nothing() -> None:
    stated = '[project]\nname = "app"\ndependencies = ["part"]\n[tool]\n'
    old = f"Metadata-Version: 2.1\n{HEAD}"
    assert requires(old, stated + "a." * 100 + "a = 1\n") == ["part"]
    assert requires(old, stated + "a." * 50_000 + "a = 1\n") is None
