"""Which file of a page an installer looks at next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.policy.best_files import LONGEST_REMEMBERED
from tiercache.policy.environments import Environment, Platform
from tiercache.policy.next_file import admits, next_file, next_files
from tiercache.simple.model import File, ProjectName

PKG = ProjectName("pkg")
LINUX = Environment(python=(3, 12), platform=Platform(system="linux", machine="x86_64", version=(2, 36)))


def wheel(version: str, tags: str = "py3-none-any", *, yanked: bool | str = False, python: str | None = None) -> File:
    filename = f"pkg-{version}-{tags}.whl"
    return File(filename=filename, url=f"https://files.example/{filename}", yanked=yanked, requires_python=python)


def sdist(version: str) -> File:
    return File(filename=f"pkg-{version}.tar.gz", url=f"https://files.example/pkg-{version}.tar.gz")


def chosen(files: list[File], *specifiers: str) -> str | None:
    file = next_file(PKG, files, specifiers, LINUX)
    return None if file is None else file.filename.removeprefix("pkg-").removesuffix("-py3-none-any.whl")


THREE = [wheel("1.0"), wheel("1.5"), wheel("2.0"), sdist("2.0")]


def test_the_newest_release_is_looked_at() -> None:
    assert chosen(THREE) == "2.0"
    assert chosen(list(reversed(THREE)), "") == "2.0"
    assert chosen([wheel("9.0"), wheel("10.0")]) == "10.0"


def test_the_newest_release_that_every_specifier_allows_is_looked_at() -> None:
    assert chosen(THREE, ">=1.0", "<2") == "1.5"
    assert chosen(THREE, "==1.0") == "1.0"
    assert chosen(THREE, ">3") is None


def test_what_the_first_who_needs_it_allows_is_looked_at_before() -> None:
    assert [file.filename for file in next_files(PKG, THREE, [">=1.0", "<2"], LINUX)] == [
        "pkg-2.0-py3-none-any.whl",
        "pkg-1.5-py3-none-any.whl",
    ]
    assert len(next_files(PKG, THREE, [">=1.0", "!=1.0"], LINUX)) == 1
    assert next_files(PKG, THREE, [">3", ">4"], LINUX) == ()


def test_of_specifiers_that_exclude_each_other_the_last_one_counts() -> None:
    assert chosen(THREE, ">=2", "<2") == "1.5"


def test_a_preview_is_looked_at_only_where_there_is_nothing_else_or_it_is_asked_for() -> None:
    assert chosen([wheel("1.0"), wheel("2.0rc1")]) == "1.0"
    assert chosen([wheel("2.0rc1")]) == "2.0rc1"
    assert chosen([wheel("1.0"), wheel("2.0rc1")], ">=2.0rc1") == "2.0rc1"


def test_a_yanked_release_is_looked_at_only_where_it_is_pinned() -> None:
    files = [wheel("1.0"), wheel("2.0", yanked="broken")]
    assert chosen(files) == "1.0"
    assert chosen(files, "==2.0") == "2.0"


def test_a_release_for_another_python_is_passed_over() -> None:
    assert chosen([wheel("1.0"), wheel("2.0", python=">=3.99")]) == "1.0"


def test_a_release_with_nothing_for_the_platform_is_passed_over_but_not_one_with_an_sdist() -> None:
    foreign = wheel("2.0", "cp312-cp312-win_amd64")
    assert chosen([wheel("1.0"), foreign]) == "1.0"
    assert chosen([wheel("1.0"), foreign, sdist("2.0")]) == "2.0.tar.gz"


def test_the_best_wheel_of_a_release_is_looked_at() -> None:
    assert chosen(
        [wheel("1.0"), wheel("1.0", "cp312-cp312-manylinux_2_17_x86_64"), wheel("1.0", "cp311-cp311-win32")]
    ) == ("1.0-cp312-cp312-manylinux_2_17_x86_64.whl")


def test_two_spellings_of_a_version_are_one_release() -> None:
    assert chosen([sdist("1.0"), wheel("1.0.0"), sdist("0.9")]) == "1.0.0"


@pytest.mark.parametrize("filename", ["", "pkg", "pkg-x.y-py3-none-any.whl", "pkg.whl", "----.whl", "other.txt", "a/b"])
def test_a_filename_that_tells_no_version_is_passed_over(filename: str) -> None:
    assert chosen([File(filename=filename, url=""), wheel("1.0")]) == "1.0"


@pytest.mark.parametrize("specifier", ["nonsense", ">=", "<<2", "==x"])
def test_a_specifier_that_cannot_be_read_forbids_nothing(specifier: str) -> None:
    assert chosen(THREE, specifier) == "2.0"


def test_a_version_is_admitted_or_not() -> None:
    assert admits("<2", "1.5")
    assert not admits("<2", "2.0")
    assert admits("", "2.0rc1")
    assert admits("<2", "nonsense")


@given(st.lists(st.text(max_size=30)), st.lists(st.text(max_size=10), max_size=3))
def test_no_page_is_an_error(filenames: list[str], specifiers: list[str]) -> None:
    next_files(PKG, [File(filename=name, url="") for name in filenames], specifiers, LINUX)


@pytest.mark.parametrize("more", [0, 1])
def test_a_specifier_that_is_too_long_to_be_remembered_counts_as_any_other(more: int) -> None:
    specifier = "<2".ljust(LONGEST_REMEMBERED + more)
    assert [chosen(THREE, specifier) for _ in range(2)] == ["1.5", "1.5"]
    files = [wheel("1.0"), wheel("2.0", python=">=4".ljust(LONGEST_REMEMBERED + more))]
    assert [chosen(files) for _ in range(2)] == ["1.0", "1.0"]
