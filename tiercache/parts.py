"""What a node is made of, between its edges: `tiercache.node` puts it together."""

from __future__ import annotations

from attrs import frozen

from tiercache.cache.about import About
from tiercache.cache.at_hand import AtHand
from tiercache.cache.chain import Chain
from tiercache.cache.deleted import DeletedFiles
from tiercache.cache.files import Files
from tiercache.cache.following import Following
from tiercache.cache.hosted import Hosted
from tiercache.cache.janitor import Janitor
from tiercache.cache.journal import Journal
from tiercache.cache.knowledge import Knowledge
from tiercache.cache.listings import Listings
from tiercache.cache.minting import Mint
from tiercache.cache.newest_sidecars import NewestSidecars
from tiercache.cache.pages import Pages
from tiercache.cache.reserved import ReservedNames
from tiercache.cache.sidecars import Sidecars
from tiercache.cache.switch import OfflineSwitch
from tiercache.cache.tokens import Tokens
from tiercache.interfaces import ICatalogue, IFiles
from tiercache.prefetch.next_sidecar import NextSidecars
from tiercache.prefetch.prefetching import Prefetching
from tiercache.prefetch.read_ahead import ReadAhead
from tiercache.publish.dropped import DroppedFiles
from tiercache.publish.forwarding import Forwarding
from tiercache.publish.promotion import Promoter
from tiercache.publish.publisher import Publisher
from tiercache.stats import Stats


@frozen(kw_only=True)
class Parts:
    """What a node is made of, between its edges."""

    stats: Stats
    switch: OfflineSwitch
    chain: Chain
    pages: Pages
    files: Files
    listings: Listings
    sidecars: Sidecars
    janitor: Janitor
    reserved: ReservedNames
    hosted: Hosted
    deleted: DeletedFiles
    promoter: Promoter
    publisher: Publisher
    journal: Journal
    following: Following
    about: About
    newest_sidecars: NewestSidecars
    next_sidecars: NextSidecars
    stored_files: IFiles
    dropped: DroppedFiles
    catalogue: ICatalogue
    forwarding: Forwarding | None
    tokens: Tokens
    prefetching: Prefetching
    mint: Mint | None
    read_ahead: ReadAhead | None
    at_hand: AtHand
    knowledge: Knowledge
