"""What releases need, read from core metadata as it comes from tiers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.policy.environments import Environment, Platform
from tiercache.policy.needs import MOST_NEEDS, Need, needs_of
from tiercache.simple.model import ProjectName

LINUX = Environment(python=(3, 12), platform=Platform(system="linux", machine="x86_64", version=(2, 36)))
WINDOWS = Environment(python=(3, 12), platform=Platform(system="windows", machine="amd64"))


def metadata(*requirements: str) -> bytes:
    lines = ["Metadata-Version: 2.1", "Name: app", "Version: 1.0", *(f"Requires-Dist: {one}" for one in requirements)]
    return "\n".join([*lines, "", "Requires-Dist: described"]).encode()


def names(
    *requirements: str, environments: tuple[Environment, ...] = (LINUX,), extras: tuple[str, ...] = ()
) -> list[str]:
    return [need.project for need in needs_of(metadata(*requirements), environments, extras)]


def test_needs_come_in_order_with_their_specifiers_and_extras_and_names_normalised() -> None:
    assert needs_of(metadata("TC.Paint[Bright_Red]>=1.0,<2", "numpy"), [LINUX]) == (
        Need(project=ProjectName("tc-paint"), specifier="<2,>=1.0", extras=frozenset({"bright-red"})),
        Need(project=ProjectName("numpy")),
    )


def test_what_the_description_says_is_no_requirement() -> None:
    assert names() == []


def test_markers_are_judged_for_the_clients_environment() -> None:
    assert names('a; sys_platform == "win32"', 'b; python_version < "3"', 'c; python_version >= "3.12"') == ["c"]


def test_a_requirement_counts_if_it_does_in_any_of_several_environments() -> None:
    both = (LINUX, WINDOWS)
    assert names('a; sys_platform == "win32"', 'b; python_version < "3"', "c", environments=both) == ["a", "c"]


def test_what_an_extra_needs_counts_only_where_the_extra_is_wanted() -> None:
    requirements = ("a", 'b; extra == "bright"', 'c; extra == "dull"', 'd; extra == "bright" and os_name == "nt"')
    assert names(*requirements) == ["a"]
    assert names(*requirements, extras=("bright",)) == ["a", "b"]


def test_of_many_extras_those_count_that_a_marker_names_however_they_are_written() -> None:
    many = (*(f"x{number}" for number in range(20)), "bright-red")
    requirements = ('a; extra == "Bright_Red"', 'b; extra != "dull"', "c; 'x3' == extra", 'd; extra == "x33"')
    assert names(*requirements, extras=many) == ["a", "b", "c"]
    assert names(*requirements, extras=("Bright.Red",)) == ["a", "b"]


def test_what_is_to_come_from_a_url_is_left_out() -> None:
    assert names("a @ https://elsewhere.example/a-1.0.whl", "b") == ["b"]


def test_a_requirement_that_goes_on_in_the_next_line_is_read() -> None:
    assert names("a\n  >=1.0", "b") == ["a", "b"]


@pytest.mark.parametrize(
    "bad", ["", "a b c", "-e .", "a; nonsense == 1", "a; python_version", "x" * 3000, "a[", "a>>1"]
)
def test_a_requirement_that_cannot_be_read_is_passed_over(bad: str) -> None:
    assert names(bad, "b") == ["b"]


@pytest.mark.parametrize(
    "marker", ['python_version ~= "3"', 'os_name ~= "posix"', 'python_full_version ~= "new"', '"a" in extras']
)
def test_a_marker_that_compares_what_cannot_be_compared_is_passed_over(marker: str) -> None:
    assert names(f"a; {marker}", "b") == ["b"]


def test_so_many_requirements_are_read_and_no_more() -> None:
    assert len(names(*(f"p{number}" for number in range(MOST_NEEDS + 1)))) == MOST_NEEDS


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff\xfe", b"Requires-Dist:", b"Requires-Dist: \xff\xff", b"\r\n\r\nRequires-Dist: a"]
)
def test_binary_junk_needs_nothing(data: bytes) -> None:
    assert needs_of(data, [LINUX]) == ()


@given(st.binary(max_size=300))
def test_no_bytes_are_an_error(data: bytes) -> None:
    needs_of(data, [LINUX], ["x"])
    needs_of(b"Requires-Dist: " + data, [LINUX])


@given(st.text(max_size=60))
def test_no_marker_is_an_error(text: str) -> None:
    needs_of(metadata(f"a; {text}"), [LINUX], ["x"])
