"""uv.lock: what is reached from the workspace, and by which markers."""

from __future__ import annotations

from collections.abc import Iterable

from tests.prefetch.inputs.reading import markers, names, reading, reasons
from tiercache.prefetch.inputs.markers import LONGEST_WAY, MOST_WAYS

HEAD = "version = 1\nrevision = 3\n"


def package(name: str, *needs: str, source: str = 'registry = "x"', version: str = "1", more: str = "") -> str:
    """One package; `needs` are edges without their braces."""
    edges = ", ".join(f"{{{edge}}}" for edge in needs)
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{{source}}}\n'
        f"dependencies = [{edges}]\n{more}\n"
    )


def app(*needs: str, more: str = "", name: str = "app", source: str = 'virtual = "."') -> str:
    return package(name, *needs, source=source, more=more)


def to(name: str, marker: str = "", more: str = "") -> str:
    return f'name = "{name}"' + (f', marker = "{marker}"' if marker else "") + more


WIN = "os_name == 'nt'"
OLD = "python_version < '3.9'"


def test_what_nothing_needs_is_not_taken() -> None:
    found = reading(HEAD + app(to("a")) + package("a", to("b")) + package("b") + package("c"), "uv.lock")
    assert names(found) == ["a==1", "b==1"]


def test_a_marker_holds_for_everything_that_is_reached_through_it_alone() -> None:
    lock = HEAD + app(to("a", WIN), to("c")) + package("a", to("b", OLD)) + package("b") + package("c")
    assert markers(reading(lock, "uv.lock")) == {
        "a": 'os_name == "nt"',
        "b": 'os_name == "nt" and python_version < "3.9"',
        "c": None,
    }


def test_a_release_is_for_every_environment_by_which_it_is_reached() -> None:
    lock = HEAD + app(to("a", WIN), to("b", OLD)) + package("a", to("c")) + package("b", to("c")) + package("c")
    assert markers(reading(lock, "uv.lock"))["c"] == 'os_name == "nt" or python_version < "3.9"'


def test_a_way_without_a_marker_makes_the_others_needless() -> None:
    lock = HEAD + app(to("a", WIN), to("b")) + package("a", to("b", OLD)) + package("b")
    assert markers(reading(lock, "uv.lock"))["b"] is None


def test_releases_that_need_each_other_are_taken_once() -> None:
    lock = HEAD + app(to("a", WIN)) + package("a", to("b")) + package("b", to("a", OLD), to("b"))
    assert markers(reading(lock, "uv.lock")) == {"a": 'os_name == "nt"', "b": 'os_name == "nt"'}


def test_an_edge_with_a_version_leads_to_that_version_alone() -> None:
    edges = (to("a", OLD, ', version = "1"'), to("a", "python_version >= '3.9'", ', version = "2"'))
    found = reading(HEAD + app(*edges) + package("a", version="1") + package("a", version="2"), "uv.lock")
    assert [(release.version, release.marker) for release in found.locked] == [
        ("1", 'python_version < "3.9"'),
        ("2", 'python_version >= "3.9"'),
    ]


def test_an_extra_of_a_release_brings_what_it_needs() -> None:
    extra = '[package.optional-dependencies]\nsocks = [{name = "b"}]\nother = [{name = "c"}]\n'
    lock = HEAD + app(to("a", WIN, ', extra = ["socks"]')) + package("a", more=extra) + package("b") + package("c")
    assert markers(reading(lock, "uv.lock")) == {"a": 'os_name == "nt"', "b": 'os_name == "nt"'}


def test_every_member_of_a_workspace_is_a_start_and_none_is_to_be_had() -> None:
    lock = (
        f'{HEAD}[manifest]\nmembers = ["app", "lib"]\n'
        + app(to("lib"), to("a"))
        + app(to("b"), name="lib", source='editable = "lib"')
        + package("a")
        + package("b")
    )
    found = reading(lock, "uv.lock")
    assert (names(found), reasons(found)) == (["a==1", "b==1"], [])


def test_a_folder_that_is_no_member_is_told_and_what_it_needs_is_taken() -> None:
    lock = HEAD + app(to("near")) + package("near", to("a"), source='directory = "../near"') + package("a")
    found = reading(lock, "uv.lock")
    assert names(found) == ["a==1"]
    assert reasons(found) == [("near", "it is locked to come from a path on somebody's machine, and from no index")]


def test_the_lock_of_a_script_starts_from_what_its_manifest_names() -> None:
    lock = f'{HEAD}[manifest]\nrequirements = [{{name = "a", specifier = ">=1"}}, 3]\n' + package("a") + package("b")
    found = reading(lock, "script.py.lock")
    assert names(found) == ["a==1"]
    assert [text for text, _ in reasons(found)] == ["a requirement of its manifest"]


def test_extras_that_exclude_each_other_are_decided_by_what_is_wanted() -> None:
    extras = "[package.optional-dependencies]\ncpu = []\ngpu = []\n"
    lock = (
        HEAD
        + app(
            to("a", "extra == 'extra-3-app-cpu'"),
            to("b", "os_name == 'nt' and extra == 'extra-3-app-gpu'"),
            to("c", "extra != 'extra-3-app-gpu'"),
            more=extras,
        )
        + package("a")
        + package("b")
        + package("c")
    )
    assert markers(reading(lock, "uv.lock")) == {"c": None}
    assert markers(reading(lock, "uv.lock", extras=["cpu"])) == {"a": None, "c": None}
    assert markers(reading(lock, "uv.lock", extras=["gpu"])) == {"b": 'os_name == "nt"'}


def test_groups_of_a_workspace_without_a_project_stand_in_its_manifest() -> None:
    lock = f'{HEAD}[manifest.dependency-groups]\ndev = [{{name = "a"}}]\ndocs = [{{name = "b"}}]\n'
    lock += package("a") + package("b")
    assert names(reading(lock, "uv.lock", groups=["dev"])) == ["a==1"]


def test_a_marker_that_is_none_is_told_once_and_forbids_nothing() -> None:
    lock = HEAD + app(to("a", "nonsense"), to("b", "nonsense")) + package("a") + package("b")
    found = reading(lock, "uv.lock")
    assert markers(found) == {"a": None, "b": None}
    assert [text for text, _ in reasons(found)] == ["a; nonsense"]


def test_a_release_without_a_place_or_with_a_wrong_type_is_told() -> None:
    lock = HEAD + app(to("a"), to("b"), to("c")) + package("a", source="") + package("b", version="1")
    lock += '[[package]]\nname = "c"\nversion = 1\n[[package]]\nversion = "1"\n'
    found = reading(lock, "uv.lock")
    assert names(found) == ["b==1"]
    assert [text for text, _ in reasons(found)] == ["c", "a release", "a"]


def ladder(steps: int, marker: str = "") -> Iterable[str]:
    """Two releases on each step, either of which leads to both of the next: 2^steps ways."""
    for step in range(steps):
        both = [to(f"{side}{step + 1}", marker.format(step=step, side=side)) for side in "ab"]
        yield package(f"a{step}", *both)
        yield package(f"b{step}", *both)
    yield package(f"a{steps}")
    yield package(f"b{steps}")


def test_many_ways_to_a_release_cost_no_more_than_there_are_edges() -> None:
    found = reading(HEAD + app(to("a0"), to("b0")) + "".join(ladder(1_000)), "uv.lock")
    assert len(found.locked) == 2_002


def test_a_release_with_too_many_markers_to_it_is_for_every_environment() -> None:
    marker = "platform_release == '{side}{step}'"
    found = markers(reading(HEAD + app(to("a0"), to("b0")) + "".join(ladder(200, marker)), "uv.lock"))
    assert (found["a6"] or "").count(" or ") == MOST_WAYS - 1
    assert found["a7"] is None
    assert all((marker or "").count(" or ") < MOST_WAYS for marker in found.values())


def test_a_chain_as_long_as_a_lock_can_be_is_walked() -> None:
    chain = "".join(package(f"p{number}", to(f"p{number + 1}", WIN)) for number in range(5_000))
    found = reading(HEAD + app(to("p0")) + chain + package("p5000"), "uv.lock")
    assert len(found.locked) == 5_001
    assert markers(found)["p5000"] == 'os_name == "nt"'


def test_a_lock_that_is_made_to_be_walked_for_ever_is_not_taken() -> None:
    extras = ", ".join(f'"e{number}"' for number in range(130))
    edges = [to("a", more=f", extra = [{extras}]")] * 130
    found = reading(HEAD + app(*edges) + "".join(package("a", version=str(number)) for number in range(130)), "uv.lock")
    assert names(found) == []
    assert [reason for _, reason in reasons(found)] == [
        "it is no lock that a tool wrote: there are too many ways through it"
    ]


def test_an_extra_that_a_release_has_not_leads_nowhere() -> None:
    extra = "[package.optional-dependencies]\nfast = [{name = 'b'}]\n"
    lock = HEAD + app(to("a", more=', extra = ["slow", "fast"]')) + package("a", more=extra) + package("b")
    found = reading(lock, "uv.lock")
    assert (names(found), reasons(found)) == (["a==1", "b==1"], [])


def test_of_the_markers_along_a_way_so_many_count_and_no_more() -> None:
    chain = "".join(package(f"p{number}", to(f"p{number + 1}", f"os_name == '{number}'")) for number in range(100))
    found = markers(reading(HEAD + app(to("p0")) + chain + package("p100"), "uv.lock"))
    assert [(found[f"p{number}"] or "").count(" and ") for number in (31, 32, 33, 100)] == [
        LONGEST_WAY - 2,
        LONGEST_WAY - 1,
        LONGEST_WAY - 1,
        LONGEST_WAY - 1,
    ]


def test_a_release_whose_markers_are_too_long_together_is_told() -> None:
    long = "platform_release == '" + "{}" * 3_000 + "'"
    chain = "".join(package(f"p{number}", to(f"p{number + 1}", long.format(*[number] * 3_000))) for number in range(10))
    found = reading(HEAD + app(to("p0")) + chain + package("p10"), "uv.lock")
    assert names(found) == [f"p{number}==1" for number in range(7)]
    assert reasons(found)[0] == ("p7", "the markers that lead to it are longer than 20000 characters together")
