"""What prefetches and guesses have of the cache."""

from __future__ import annotations

from attrs import frozen

from tiercache.cache.chain import Chain
from tiercache.cache.files import Files
from tiercache.cache.journal import Journal
from tiercache.cache.listings import Listings
from tiercache.cache.pages import Pages
from tiercache.cache.sidecars import Sidecars
from tiercache.cache.tokens import Tokens
from tiercache.interfaces import ICatalogue, IFiles


@frozen(kw_only=True)
class Cached:
    """The parts of the cache that prefetches work with."""

    pages: Pages
    files: Files
    stored_files: IFiles
    sidecars: Sidecars
    listings: Listings
    chain: Chain
    journal: Journal
    catalogue: ICatalogue
    tokens: Tokens
