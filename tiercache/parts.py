"""What a node is made of, between its edges: `tiercache.node` puts it together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from tiercache.cache.about import About
from tiercache.cache.at_hand import AtHand
from tiercache.cache.chain import Chain
from tiercache.cache.deleted import DeletedFiles
from tiercache.cache.entries import Entries
from tiercache.cache.files import Files
from tiercache.cache.following import Following
from tiercache.cache.hosted import Hosted
from tiercache.cache.janitor import Janitor
from tiercache.cache.journal import Journal
from tiercache.cache.knowledge import Knowledge
from tiercache.cache.listings import Listings
from tiercache.cache.newest_sidecars import NewestSidecars
from tiercache.cache.pages import Pages
from tiercache.cache.reserved import ReservedNames
from tiercache.cache.sidecars import Sidecars
from tiercache.cache.switch import OfflineSwitch
from tiercache.cache.tokens import Tokens
from tiercache.cache.usage import Usage
from tiercache.config import Config
from tiercache.interfaces import ICatalogue, IFiles, IIssuer, IPublishTarget, IUpstream, Pool, Watch
from tiercache.prefetch.cached import Cached
from tiercache.prefetch.read_ahead import ReadAhead
from tiercache.stats import Stats

if TYPE_CHECKING:
    from tiercache.cache.minting import Mint
    from tiercache.prefetch.prefetching import PrefetchEdges, Prefetching
    from tiercache.publish.dropped import DroppedFiles
    from tiercache.publish.forwarding import Forwarding
    from tiercache.publish.promotion import Promoter
    from tiercache.publish.publisher import Publisher


@frozen(kw_only=True)
class Given:
    """What a node was put together with, as far as the parts want it that are made on demand.

    `targets` by the names of their tiers, and so `upstreams`.  `issuers` and `prefetch_edges` are made on demand too.
    """

    config: Config
    upstreams: Mapping[str, IUpstream]
    targets: Mapping[str, IPublishTarget]
    issuers: Callable[[], Sequence[IIssuer]]
    prefetch_edges: Callable[[], PrefetchEdges] | None
    watch: Watch | None
    clock: IReactorTime
    now: Callable[[], float]
    pool: Pool


@frozen(kw_only=True)
class Parts:
    """What a node is made of, between its edges.

    What publishes, promotes, prefetches and mints is made when it is first wanted (`tiercache.on_demand`): to load it
    takes as long as all that answers for pages and files, and a start waits for those alone.
    """

    given: Given
    stats: Stats
    switch: OfflineSwitch
    chain: Chain
    entries: Entries
    pages: Pages
    files: Files
    listings: Listings
    sidecars: Sidecars
    janitor: Janitor
    reserved: ReservedNames
    hosted: Hosted
    deleted: DeletedFiles
    journal: Journal
    following: Following
    about: About
    newest_sidecars: NewestSidecars
    stored_files: IFiles
    catalogue: ICatalogue
    usage: Usage
    tokens: Tokens
    cached: Cached
    read_ahead: ReadAhead | None
    at_hand: AtHand
    knowledge: Knowledge

    @staticmethod
    def load() -> None:
        """Load what makes those that are made on demand; blocking, for the pool."""
        from tiercache import on_demand  # noqa: F401  # so that no turn of the reactor has to

    @cached_property
    def publisher(self) -> Publisher:
        """Takes uploads."""
        from tiercache.on_demand import publisher_of

        return publisher_of(self)

    @cached_property
    def promoter(self) -> Promoter:
        """Hands on what is hosted here."""
        from tiercache.on_demand import promoter_of

        return promoter_of(self)

    @cached_property
    def forwarding(self) -> Forwarding | None:
        """Hands uploads on, where they go to a tier."""
        from tiercache.on_demand import forwarding_of

        return forwarding_of(self)

    @cached_property
    def dropped(self) -> DroppedFiles:
        """Takes what is put into folders."""
        from tiercache.on_demand import dropped_files_of

        return dropped_files_of(self)

    @cached_property
    def prefetching(self) -> Prefetching:
        """Carries prefetches out, once it has been started."""
        from tiercache.on_demand import prefetching_of

        return prefetching_of(self)

    @cached_property
    def mint(self) -> Mint | None:
        """Issues tokens to trusted publishers, where there are any."""
        from tiercache.on_demand import mint_of

        return mint_of(self)
