"""A private server, an office and a laptop, one in front of the other, and the public index that must take no name."""

from __future__ import annotations

from collections.abc import Sequence

from tests.doubles.chain_of_nodes import FILES, ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.far_index import BASE
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles

PRIVATE, PUBLIC = ("acme-1.0.tar.gz", b"private" * 100), ("acme-9.9.tar.gz", b"public" * 100)
NUMPY = ("numpy-1.0.tar.gz", b"numpy")


class Fleet:
    """The three nodes, all following; `public` is what the index has of acme, `office_tiers` whom the office asks."""

    def __init__(
        self, public: Sequence[tuple[str, bytes]] = (PUBLIC,), office_tiers: tuple[str, ...] = ("server",)
    ) -> None:
        self.chain = ChainOfNodes()
        self.chain.lists("acme", *public)
        self.chain.lists("numpy", NUMPY)
        self.server = self.chain.node("server", ORIGIN)
        self.office = self.chain.node("office", *office_tiers)
        self.laptop = self.chain.node("laptop", "office", ORIGIN)
        self.ids = {self.office.node_id, self.laptop.node_id}
        for node in (self.server, self.office, self.laptop):
            node.follow()

    def down(self, *nodes: JoinedNode) -> None:
        """These stop: nothing connects to them, and what was connected is not any more."""
        for node in nodes:
            node.stop()
            self.chain.cut(node.name)
        self.chain.drop_connections()

    def up(self, *nodes: JoinedNode, wiped: bool = False) -> None:
        """These begin anew, with what they had stored or with nothing; and then time passes."""
        for node in nodes:
            if wiped:
                node.catalogue, node.files = MemoryCatalogue(), MemoryFiles()
            node.start()
            node.follow()
            self.chain.join(node.name)
        self.wait()

    def wait(self, seconds: float = 300.0) -> None:
        """Long enough for every breaker, feed and announcement."""
        for _ in range(int(seconds / 5.0)):
            self.chain.advance(5.0)

    def asks_public(self) -> int:
        """How often the office or the laptop has asked the index for acme, or for its file.

        A server that was wiped is like one that never hosted acme: what it asks is its own affair.
        """
        return sum(
            "acme" in request.url
            and request.url.startswith((BASE, FILES))
            and request.headers["via"].rpartition(" ")[2] in self.ids
            for request in self.chain.index.requests
        )
