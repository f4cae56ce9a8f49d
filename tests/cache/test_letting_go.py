"""Files of large pages are let go of a few at a time."""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.task import Clock

from tiercache.cache.letting_go import AFTER_S, FILES_A_TURN, LettingGo
from tiercache.cache.look import LARGE_PAGE_FILES
from tiercache.simple.model import File, Page
from tiercache.simple.names import normalise

NUMPY = normalise("numpy")


def a_page(files: int) -> Page:
    """One that lists so many, of which nobody else holds one."""
    names = (f"numpy-1.{number}.tar.gz" for number in range(files))
    return Page(
        project=NUMPY, files=tuple(File(filename=name, url=f"https://tier.example/{name}", hashes={}) for name in names)
    )


def held_besides(files: list[File]) -> int:
    """How many of them somebody else holds too."""
    alone = sys.getrefcount(object())  # what is asked holds it once
    return sum(sys.getrefcount(file) > alone + 2 for file in files)  # the list, and the name here


class Turns(Clock):
    """A clock that notes what is held, by a page's files, whenever something is put off."""

    def __init__(self, files: list[File]) -> None:
        super().__init__()
        self.files = files
        self.held: list[int] = []

    def callLater(self, delay: float, *what: Any, **more: Any) -> Any:  # noqa: N802  # twisted's name
        self.held.append(held_besides(self.files))
        return super().callLater(delay, *what, **more)


def test_the_files_of_a_large_page_go_a_few_in_each_turn_once_others_have_let_go_of_it() -> None:
    page = a_page(3 * FILES_A_TURN)
    clock = Turns(list(page.files))
    LettingGo(clock=clock).of(page)
    del page
    clock.advance(AFTER_S - 0.01)
    assert held_besides(clock.files) == 3 * FILES_A_TURN
    clock.advance(0.01)
    assert clock.held == [3 * FILES_A_TURN, 2 * FILES_A_TURN, FILES_A_TURN]
    assert held_besides(clock.files) == 0


def test_nothing_is_made_of_a_small_page_or_of_none() -> None:
    clock = Clock()
    for page in (None, a_page(LARGE_PAGE_FILES)):
        LettingGo(clock=clock).of(page)
    assert clock.getDelayedCalls() == []
