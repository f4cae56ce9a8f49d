"""How a page looks that is shown: put together when somebody looks at it, since of thousands of files that takes long.

What is read for it from the catalogue is read at once; what needs nothing but that may be done in the pool.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field, frozen

from tiercache.interfaces import Pool
from tiercache.simple.model import Page

LARGE_PAGE_FILES = 200
"""Pages that list more are worked on off the reactor thread; the others are done sooner than a thread is woken."""


@frozen(kw_only=True)
class Making:
    """A page that is being put together, of what was read for it: `work` is pure, and `end` cheap."""

    work: Callable[[], Page]
    end: Callable[[Page], Page]


@define(kw_only=True, eq=False)
class Look:
    """A page of about `size` files; `begin` reads what it takes."""

    _size: int
    _begin: Callable[[], Making]
    _page: Page | None = field(default=None, init=False)

    @property
    def is_large(self) -> bool:
        """Whether to work on it takes long."""
        return self._size > LARGE_PAGE_FILES

    @property
    def page(self) -> Page:
        """The page, here and now."""
        if self._page is None:
            making = self._begin()
            self._page = making.end(making.work())
        return self._page

    async def together(self, pool: Pool) -> Page:
        """The same; in the pool where it takes long."""
        if self._page is None and self.is_large:
            making = self._begin()
            self._page = making.end(await pool(making.work))
        return self.page
