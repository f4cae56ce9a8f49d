"""What the benchmark of prefetches hands in, and how it counts."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import pytest
from packaging.pylock import Pylock

from benchmarks.prefetch import ALONE, THREE, Taken, figures, lock, not_once, of_files, paths_got, requirements
from tests.doubles.distributions import Archive
from tests.doubles.universe import Sizes, Universe, wheel_names


@pytest.fixture
def wheels(tmp_path: Path) -> list[Archive]:
    universe = Universe(folder=tmp_path, sizes=Sizes(wheels=2))
    return [universe.wheel(name, "1.0") for name in wheel_names(2)]


def test_the_lock_names_every_wheel_by_its_digest(wheels: list[Archive]) -> None:
    document = lock(wheels, "http://index.example/")
    read = Pylock.from_dict(tomllib.loads(document.text))
    assert document.name == "pylock.toml"
    locked = [wheel for package in read.packages for wheel in package.wheels or ()]
    assert [one.filename for one in locked] == [wheel.filename for wheel in wheels]
    assert [one.hashes for one in locked] == [{"sha256": wheel.hashes["sha256"]} for wheel in wheels]


def test_the_requirements_name_every_release(wheels: list[Archive]) -> None:
    assert requirements(wheels).text == "tc-wheel-0==1.0\ntc-wheel-1==1.0\n"


def test_whole_files_and_parts_are_counted_and_metadata_is_not() -> None:
    said = (
        "x 127.0.0.1 GET /files/1/a-1.0-py3-none-any.whl 200 7 bytes 0.1 s miss whole (t)\n"
        "x 127.0.0.1 GET /files/1/a-1.0-py3-none-any.whl 206 3 bytes 0.1 s miss whole (t)\n"
        "x 127.0.0.1 GET /files/1/a-1.0-py3-none-any.whl.metadata 200 7 bytes 0.1 s miss whole (t)\n"
        "x 127.0.0.1 HEAD /files/1/a-1.0-py3-none-any.whl 200 0 bytes 0.1 s miss whole (t)\n"
    )
    assert of_files(paths_got(said)) == {"a-1.0-py3-none-any.whl": 2}


def test_a_file_that_crossed_a_link_twice_or_never_or_unwanted_is_told_in_any_round(
    wheels: list[Archive],
) -> None:
    once = Counter(wheel.filename for wheel in wheels)
    first = Counter([wheels[0].filename])
    assert not_once([once, once], wheels) == 0
    assert not_once([once, once + first], wheels) == 1
    assert not_once([once, once - first], wheels) == 1
    assert not_once([once + Counter(["other-1.0-py3-none-any.whl"])], wheels) == 1


@pytest.mark.parametrize(("three_s", "twice", "held"), [(2.3, 0, [True, True]), (2.5, 1, [False, False])])
def test_the_ratio_and_the_count_at_each_link_are_held_to_limits(
    wheels: list[Archive], three_s: float, twice: int, held: list[bool]
) -> None:
    once = Counter(wheel.filename for wheel in wheels)
    asked = {"the index": [once + Counter(dict.fromkeys(once, twice))]}
    found = {
        ("pylock.toml", ALONE): Taken(times_s=[2.0], asked=asked),
        ("pylock.toml", THREE): Taken(times_s=[three_s], asked=asked),
    }
    assert [figure.is_held for figure in figures(found, wheels)] == held
