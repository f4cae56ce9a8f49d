"""What is to be known of a page before it is stored."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from tests.doubles.shelves import file_of, page_of
from tiercache.cache.examined import examined, odd_files
from tiercache.simple.model import Page
from tiercache.simple.names import identity_of
from tiercache.simple.stored import load_page

WHEEL = file_of("numpy-1.0-py3-none-any.whl")
SDIST = file_of("numpy-1.0.tar.gz")
PAGE = page_of("numpy", WHEEL, SDIST)


def test_files_whose_names_tell_another_project_are_odd() -> None:
    odd = [file_of("scipy-1.0-py3-none-any.whl"), file_of("num_py-1.0.tar.gz"), file_of("one.zip")]
    assert odd_files(page_of("numpy", WHEEL, *odd, SDIST)) == [identity_of(file) for file in odd]


def test_a_page_is_encoded_as_it_is_read_again() -> None:
    assert load_page(examined(PAGE, None).encoded) == PAGE


@pytest.mark.parametrize(
    ("old", "is_same"),
    [
        (None, False),
        (PAGE, True),
        (evolve(PAGE, files=(replace(WHEEL, url="https://elsewhere.example/w"), SDIST)), True),
        (evolve(PAGE, files=(replace(WHEEL, yanked=True), SDIST)), False),
        (evolve(PAGE, files=(WHEEL,)), False),
        (evolve(PAGE, files=(SDIST, WHEEL)), False),
        (evolve(PAGE, versions=("1.0",)), False),
        (evolve(PAGE, listed_by={WHEEL.filename: "public"}), True),
    ],
    ids=["none", "equal", "elsewhere", "yanked", "fewer", "order", "versions", "tier"],
)
def test_it_is_told_whether_who_asks_here_sees_anything_else(old: Page | None, is_same: bool) -> None:
    assert examined(PAGE, old).looks_the_same is is_same
