"""Pages as the store keeps them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simple.pages import ANY_PAGE, JSON
from tiercache.errors import PageUnusable
from tiercache.simple.model import File, Page, ProjectName
from tiercache.simple.stored import FORMAT, dump_page, load_page

PAGE = Page(project=ProjectName("foo"), files=(File(filename="foo-1.zip", url="https://tier.example/foo-1.zip"),))


@given(ANY_PAGE)
def test_any_page_is_loaded_as_it_was_dumped(page: Page) -> None:
    loaded = load_page(dump_page(page))
    assert loaded == page
    assert isinstance(loaded.files, tuple)


def test_true_and_one_stay_apart() -> None:
    page = Page(project=ProjectName("foo"), extra={"a": True, "b": 1, "c": 1.0})
    extra = load_page(dump_page(page)).extra
    assert [type(value) for value in extra.values()] == [bool, int, float]


@pytest.mark.parametrize("number", [FORMAT + 1, FORMAT - 1, 999])
def test_pages_of_another_format_are_unusable(number: int) -> None:
    data = dump_page(PAGE)
    other = data.replace(b'"format":%d' % FORMAT, b'"format":%d' % number)
    assert other != data
    with pytest.raises(PageUnusable, match=f"format {number}"):
        load_page(other)


def test_half_a_page_is_unusable() -> None:
    data = dump_page(PAGE)
    for length in range(len(data)):
        with pytest.raises(PageUnusable):
            load_page(data[:length])


@given(st.binary() | JSON.map(lambda value: str(value).encode()))
def test_anything_else_is_unusable(data: bytes) -> None:
    with pytest.raises(PageUnusable):
        load_page(data)
