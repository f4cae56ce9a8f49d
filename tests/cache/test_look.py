"""How a page looks: put together once, when somebody looks, and in the pool where it lists many files."""

from __future__ import annotations

from attrs import define, evolve, field

from tests.doubles.held_pool import HeldPool
from tests.doubles.now import begun, result_of
from tests.doubles.shelves import file_of, page_of
from tiercache.cache.look import LARGE_PAGE_FILES, Look, Making
from tiercache.simple.model import Page


@define
class Made:
    """A look at a page of so many files, and what was done for it."""

    size: int
    done: list[str] = field(factory=list)

    def look(self) -> Look:
        def begin() -> Making:
            self.done.append("begin")
            return Making(work=work, end=end)

        def work() -> Page:
            self.done.append("work")
            return page_of("numpy", file_of("numpy-1.0.tar.gz"), file_of("numpy-2.0.tar.gz"))

        def end(page: Page) -> Page:
            self.done.append("end")
            return evolve(page, files=page.files[:1])

        return Look(size=self.size, begin=begin)


def names(page: Page) -> list[str]:
    return [file.filename for file in page.files]


def test_a_page_is_put_together_when_it_is_looked_at_and_once() -> None:
    made = Made(LARGE_PAGE_FILES + 1)
    look = made.look()
    assert made.done == []
    assert names(look.page) == names(look.page) == ["numpy-1.0.tar.gz"]
    assert made.done == ["begin", "work", "end"]


def test_a_large_page_is_put_together_in_the_pool() -> None:
    made, pool = Made(LARGE_PAGE_FILES + 1), HeldPool()
    look = made.look()
    looking = begun(look.together(pool))
    assert made.done == ["begin"]
    pool.go_on()
    assert names(looking.result) == ["numpy-1.0.tar.gz"]
    assert result_of(look.together(pool)) is looking.result is look.page
    assert made.done == ["begin", "work", "end"]


def test_a_small_page_takes_no_trip_to_the_pool() -> None:
    pool = HeldPool()
    page = result_of(Made(LARGE_PAGE_FILES).look().together(pool))
    assert names(page) == ["numpy-1.0.tar.gz"]
    assert pool.held == 0
