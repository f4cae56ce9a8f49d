"""A node's web side as a process of its own, on a real socket: run as `python -m tests.web.served`.

Arguments: the most connections, the most file descriptors, the write timeout in seconds.  Prints its port.
"""

from __future__ import annotations

import resource
import sys

from attrs import define
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString

from tests.doubles.now import at_once
from tests.doubles.shelves import PageShelf, SidecarShelf, Switch, file_of, page_of
from tests.web.node import LAPTOP
from tiercache.cache.body import OpenFile
from tiercache.policy.cache_status import Outcome
from tiercache.policy.entry import Ask
from tiercache.simple.model import FileIdentity
from tiercache.web.limits import Limits
from tiercache.web.site import root, site

BIG_BYTES = 1 << 30
BIG_PATH = f"/files/{'0' * 64}/big-1.0.tar.gz"
CHUNK = bytes(256 * 1024)


@define
class Zeros:
    """A body of so many zeros, which takes no memory."""

    left: int

    async def read(self) -> bytes:
        size_bytes = min(self.left, len(CHUNK))
        self.left -= size_bytes
        return CHUNK[:size_bytes]

    def close(self) -> None:
        self.left = 0


class BigFile:
    """One big file, whatever is asked for."""

    async def open(self, identity: FileIdentity | None, filename: str, ask: Ask) -> OpenFile:
        return OpenFile(
            identity=identity or FileIdentity("sha256", "0" * 64),
            filename=filename,
            size_bytes=BIG_BYTES,
            outcome=Outcome(hit=True),
            new_body=lambda start, stop: Zeros((BIG_BYTES if stop is None else stop) - start),
            close=lambda: None,
        )


def serve(connections: int, descriptors: int, write_timeout_s: float) -> None:
    """Serve one page and one big file until killed."""
    if descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    limits = Limits(connections=connections, write_timeout_s=write_timeout_s)
    pages = PageShelf()
    pages.put(page_of("numpy", file_of("numpy-1.tar.gz")))
    resource_tree = root(
        presence=LAPTOP,
        limits=limits,
        clock=reactor,
        pool=at_once,
        pages=pages,
        files=BigFile(),
        sidecars=SidecarShelf(),
        switch=Switch(),
        not_ready=lambda: None,
    )
    listening = serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(site(resource_tree, reactor, limits))
    listening.addCallback(lambda port: print(port.getHost().port, flush=True))
    reactor.run()


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
