"""The routes for other nodes, beside those of pages and files.

They are loaded when the first node below asks, without what else a node is seldom asked for (`web/on_demand`): a chain
has them from its first moment on, and its first installation waits for them.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from tiercache.cache.files import Files
from tiercache.cache.newest_sidecars import NewestSidecars
from tiercache.cache.pages import Pages
from tiercache.interfaces import Pool
from tiercache.prefetch.next_sidecar import NextSidecars
from tiercache.simple.model import ProjectName
from tiercache.web.limits import Limits
from tiercache.web.route import Route
from tiercache.web.site import Presence, Shared
from tiercache.web.tier.changes import ChangeRoutes
from tiercache.web.tier.feed import Feed, IJournal
from tiercache.web.tier.files import TierFiles
from tiercache.web.tier.node import NodeRoutes
from tiercache.web.tier.pages import PageRoutes
from tiercache.web.visitor import may_read
from tiercache.wire import NodeState, Reserved


@frozen(kw_only=True)
class ForNodes:
    """What those routes are about.

    `about` and `reserved` give what is true now; `sidecars` chooses what goes along with a page, and `next_sidecars`
    sees to it that the most likely one does.  `may_read`: whether who sent a request may read a project, where one
    answer is about many.
    """

    presence: Presence
    limits: Limits
    clock: IReactorTime
    pool: Pool
    pages: Pages
    files: Files
    journal: IJournal
    about: Callable[[], NodeState]
    reserved: Callable[[], Reserved]
    sidecars: NewestSidecars
    next_sidecars: NextSidecars
    may_read: Callable[[Request, ProjectName], bool] = may_read

    def routes(self, shared: Shared) -> tuple[Route, ...]:
        """All of them; `shared` is what the site has made by then."""
        journal = self.journal
        node = NodeRoutes(state=self.about, reserved=self.reserved)
        changes = ChangeRoutes(
            journal=journal,
            feed=Feed(journal=journal, clock=self.clock),
            clock=self.clock,
            write_timeout_s=self.limits.write_timeout_s,
        )
        many_pages = PageRoutes(
            node_name=self.presence.node_name,
            pages=self.pages,
            simple=shared.simple,
            sidecars=self.sidecars,
            next=self.next_sidecars,
            told=lambda: journal.told,
            may_read=self.may_read,
            pool=self.pool,
        )
        tier_files = TierFiles(files=self.files, may_read=self.may_read)
        return (*node.routes(), *changes.routes(), *many_pages.routes(), *tier_files.routes())
