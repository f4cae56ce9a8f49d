"""Environments: their markers, and the wheels that go there."""

from __future__ import annotations

import platform

import pytest
from attrs import evolve, frozen
from packaging.markers import Environment as MarkerEnvironment
from packaging.tags import sys_tags

from tiercache.policy.best_files import MOST_TAGS, best_file, choose, takes_python, wheel_rank
from tiercache.policy.environments import Environment, Platform, markers_of, tags_of

LINUX = Platform(system="linux", machine="x86_64", version=(2, 28))
MUSL = Platform(system="linux", machine="aarch64", version=(1, 2), libc="musl")
MAC = Platform(system="macos", machine="arm64", version=(13, 0))
WINDOWS = Platform(system="windows", machine="amd64")
ON_LINUX = Environment(python=(3, 12), platform=LINUX)


@frozen(kw_only=True)
class Listed:
    filename: str
    requires_python: str | None = None


def best(*filenames: str, environment: Environment = ON_LINUX, sdists: bool = True) -> str | None:
    found = best_file([Listed(filename=name) for name in filenames], tags_of(environment), sdists=sdists)
    return None if found is None else found.filename


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc" or platform.machine() != "x86_64", reason="needs such a machine")
def test_tags_of_a_machine_are_those_that_its_own_python_says() -> None:
    glibc = tuple(int(part) for part in platform.libc_ver()[1].split("."))
    python = tuple(int(part) for part in platform.python_version_tuple()[:2])
    here = Environment(python=python, platform=evolve(LINUX, version=(glibc[0], glibc[1])))
    assert list(tags_of(here)) == list(sys_tags())


def test_the_ranks_of_tags_are_their_order() -> None:
    ranks = tags_of(ON_LINUX)
    assert list(ranks.values()) == list(range(len(ranks)))


@pytest.mark.parametrize(
    ("where", "taken", "not_taken"),
    [
        (LINUX, "manylinux_2_28_x86_64", "manylinux_2_29_x86_64"),
        (LINUX, "manylinux1_x86_64", "manylinux_2_4_x86_64"),
        (LINUX, "manylinux2014_x86_64", "musllinux_1_1_x86_64"),
        (evolve(LINUX, machine="aarch64"), "manylinux2014_aarch64", "manylinux_2_16_aarch64"),
        (MUSL, "musllinux_1_2_aarch64", "musllinux_1_3_aarch64"),
        (MUSL, "linux_aarch64", "manylinux_2_17_aarch64"),
        (MAC, "macosx_13_0_universal2", "macosx_14_0_arm64"),
        (MAC, "macosx_11_0_arm64", "macosx_11_0_x86_64"),
        (evolve(MAC, machine="x86_64"), "macosx_10_9_x86_64", "macosx_13_0_arm64"),
        (WINDOWS, "win_amd64", "win32"),
        (evolve(WINDOWS, machine="win32"), "win32", "win_amd64"),
        (evolve(WINDOWS, machine="arm64"), "win_arm64", "win_amd64"),
    ],
)
def test_a_platform_takes_what_is_as_old_as_it_and_nothing_newer(where: Platform, taken: str, not_taken: str) -> None:
    ranks = tags_of(Environment(python=(3, 12), platform=where))
    assert wheel_rank(f"a-1-cp312-cp312-{taken}.whl", ranks) is not None
    assert wheel_rank(f"a-1-cp312-cp312-{not_taken}.whl", ranks) is None


@pytest.mark.parametrize(
    ("tag", "is_taken"),
    [
        ("cp312-cp312", True),
        ("cp312-cp312t", False),
        ("cp311-cp311", False),
        ("cp39-abi3", True),
        ("cp313-abi3", False),
        ("py3-none", True),
        ("py2-none", False),
        ("pp312-pypy312_pp73", False),
    ],
)
def test_an_interpreter_takes_its_own_abi_and_the_stable_ones_before_it(tag: str, is_taken: bool) -> None:
    assert (wheel_rank(f"a-1-{tag}-manylinux_2_17_x86_64.whl", tags_of(ON_LINUX)) is not None) == is_taken


def test_an_interpreter_without_a_lock_takes_wheels_of_its_own_only() -> None:
    threaded = tags_of(evolve(ON_LINUX, python=(3, 13), is_free_threaded=True))
    assert wheel_rank("a-1-cp313-cp313t-manylinux_2_17_x86_64.whl", threaded) is not None
    assert wheel_rank("a-1-cp313-cp313-manylinux_2_17_x86_64.whl", threaded) is None
    assert wheel_rank("a-1-cp39-abi3-manylinux_2_17_x86_64.whl", threaded) is None


def test_pypy_takes_its_own_wheels_and_pure_ones() -> None:
    pypy = tags_of(evolve(ON_LINUX, python=(3, 10), implementation="pypy"))
    assert wheel_rank("a-1-pp310-pypy310_pp73-manylinux_2_17_x86_64.whl", pypy) is not None
    assert wheel_rank("a-1-py3-none-any.whl", pypy) is not None
    assert wheel_rank("a-1-cp310-cp310-manylinux_2_17_x86_64.whl", pypy) is None


@pytest.mark.parametrize("where", [LINUX, MAC, WINDOWS, MUSL])
def test_versions_beyond_any_real_one_make_no_longer_lists(where: Platform) -> None:
    huge = Environment(python=(3, 10**9), platform=evolve(where, version=(where.version[0], 10**9)))
    assert len(tags_of(huge)) < 200_000


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (LINUX, ("posix", "linux", "Linux", "x86_64")),
        (MAC, ("posix", "darwin", "Darwin", "arm64")),
        (WINDOWS, ("nt", "win32", "Windows", "AMD64")),
        (evolve(WINDOWS, machine="win32"), ("nt", "win32", "Windows", "x86")),
    ],
)
def test_markers_are_what_python_says_there(where: Platform, expected: tuple[str, ...]) -> None:
    markers = markers_of(Environment(python=(3, 12, 4), platform=where))
    keys = ("os_name", "sys_platform", "platform_system", "platform_machine")
    assert tuple(markers[key] for key in keys) == expected
    assert (markers["python_version"], markers["python_full_version"]) == ("3.12", "3.12.4")
    assert set(markers) == set(MarkerEnvironment.__annotations__)


def test_a_python_without_its_third_number_has_none_of_the_patches() -> None:
    assert markers_of(ON_LINUX)["python_full_version"] == "3.12.0"


# -- which file --------------------------------------------------------------------------------------------------


def test_the_wheel_of_the_best_tag_is_taken() -> None:
    newer, older = "a-1-cp312-cp312-manylinux_2_28_x86_64.whl", "a-1-cp312-cp312-manylinux2014_x86_64.whl"
    pure = "a-1-py3-none-any.whl"
    assert best("a-1.tar.gz", pure, older, newer) == newer
    assert best("a-1.tar.gz", pure, older) == older
    assert best("a-1.tar.gz", pure) == pure


def test_a_compressed_tag_set_counts_as_its_best() -> None:
    compressed = "a-1-cp312-cp312-manylinux1_x86_64.manylinux_2_28_x86_64.whl"
    assert best("a-1-cp312-cp312-manylinux_2_17_x86_64.whl", compressed) == compressed


def test_of_two_builds_the_later_is_taken() -> None:
    assert (
        best("a-1-9-py3-none-any.whl", "a-1-10-py3-none-any.whl", "a-1-py3-none-any.whl") == "a-1-10-py3-none-any.whl"
    )


def test_an_sdist_is_taken_where_no_wheel_fits_and_sdists_are_wanted() -> None:
    files = ("a-1-cp312-cp312-win_amd64.whl", "a-1.tar.gz")
    assert best(*files) == "a-1.tar.gz"
    assert best(*files, sdists=False) is None


def test_nothing_is_taken_where_nothing_fits() -> None:
    assert best("a-1-cp312-cp312-win_amd64.whl", "a-1.exe", "a-1-py3.12.egg", "a.txt") is None


@pytest.mark.parametrize(
    "filename",
    [
        "",
        ".whl",
        "a.whl",
        "a-1-py3-none.whl",
        "a-1-1-1-py3-none-any.whl",
        "a-1--none-any.whl",
        "a-1-py3-none-.whl",
        f"a-1-{'.'.join(['py3'] * (MOST_TAGS + 1))}-none-any.whl",
        f"a-1-{'.'.join(['py3'] * 60)}-{'.'.join(['none'] * 60)}-{'.'.join(['any'] * 60)}.whl",
        "a/1.whl",
        "\0",
    ],
)
def test_a_name_that_is_no_wheels_is_not_taken(filename: str) -> None:
    assert best(filename) is None
    assert best(filename, "a-1-py3-none-any.whl") == "a-1-py3-none-any.whl"


def test_a_build_tag_with_a_huge_number_is_one_like_none() -> None:
    huge = f"a-1-{'9' * 150}-py3-none-any.whl"
    assert best(huge, "a-1-1-py3-none-any.whl") == "a-1-1-py3-none-any.whl"


def test_files_for_another_python_are_passed_over() -> None:
    files = [
        Listed(filename="a-1-cp312-cp312-manylinux_2_17_x86_64.whl", requires_python=">=3.13"),
        Listed(filename="a-1-py3-none-any.whl", requires_python=">=3.8"),
    ]
    assert choose(files, ON_LINUX) == files[1]
    assert choose(files, evolve(ON_LINUX, python=(3, 7))) is None


@pytest.mark.parametrize(
    ("requires_python", "python", "is_taken"),
    [
        (None, "3.12.0", True),
        (">=3.12", "3.12.0", True),
        (">=3.12", "3.11.9", False),
        ("nonsense", "3.12.0", True),
        (">=3.12", "3.13.0", True),
    ],
)
def test_requires_python_forbids_only_what_it_clearly_forbids(
    requires_python: str | None, python: str, is_taken: bool
) -> None:
    assert takes_python(requires_python, python) == is_taken
