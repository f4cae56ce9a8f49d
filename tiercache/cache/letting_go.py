"""Letting go of large pages: the files of one that nobody needs any more are freed a few at a time.

By itself Python frees all that a page holds at once, when the last who held it lets go of it, and nobody is answered
meanwhile: 5,000 files take 5 ms and more.
"""

from __future__ import annotations

from attrs import define
from twisted.internet.interfaces import IReactorTime

from tiercache.cache.look import LARGE_PAGE_FILES
from tiercache.simple.model import File, Page

AFTER_S = 0.5
"""By then whoever was being answered with the page has let go of it."""

FILES_A_TURN = 250


@define(kw_only=True)
class LettingGo:
    """Holds the files of pages that are replaced until the others have let go of them."""

    _clock: IReactorTime

    def of(self, page: Page | None) -> None:
        """Let go of the files of a page, soon and in many turns; of a page that lists few there is no need to."""
        if page is not None and len(page.files) > LARGE_PAGE_FILES:
            self._clock.callLater(AFTER_S, self._some_of, list(page.files))

    def _some_of(self, files: list[File]) -> None:
        del files[-FILES_A_TURN:]
        if files:
            self._clock.callLater(0, self._some_of, files)
