"""A whole node as a process of its own, in front of a tier in memory: run as `python -m tests.web.served_api`.

News comes all the time, so that nobody who waits for some waits long.  Prints its port.
"""

from __future__ import annotations

import time

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import LoopingCall

from tests.doubles.now import at_once, begun
from tests.doubles.resolver import ResolverInMemory
from tests.doubles.small_node import CONFIG, listed, scripted, wheel
from tiercache.interfaces import NewChange
from tiercache.node import assemble
from tiercache.policy.entry import Ask
from tiercache.policy.news import PAGE
from tiercache.prefetch.prefetching import PrefetchEdges
from tiercache.served import root_of
from tiercache.simple.names import identity_of
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles
from tiercache.web.limits import limits_of
from tiercache.web.site import site

NEWS_EVERY_S = 0.05
NODE_ID = "f" * 16
STORED = wheel("numpy", "1.0", b"Metadata-Version: 2.1\nName: numpy\nVersion: 1.0\n")


def serve() -> None:
    """Serve until killed."""
    public = scripted()
    public.now = time.time
    (file,) = listed(public, "numpy", ("numpy-1.0-py3-none-any.whl", STORED))
    parts = assemble(
        CONFIG,
        files=MemoryFiles(),
        catalogue=MemoryCatalogue(),
        upstreams=[public],
        clock=reactor,
        now=time.time,
        pool=at_once,
        node_id=NODE_ID,
        prefetch_edges=lambda: PrefetchEdges(resolver=ResolverInMemory.over({})),
    )
    parts.prefetching.start()
    resource = root_of(
        CONFIG, parts, clock=reactor, pool=at_once, token="token", not_ready=lambda: None, node_id=NODE_ID
    )

    async def store() -> None:
        opened = await parts.files.open(identity_of(file), file.filename, Ask())
        body = opened.body(0, None)
        while await body.read():
            pass
        body.close()

    begun(store())
    news = [NewChange(project="numpy", what=PAGE)]
    LoopingCall(lambda: begun(parts.journal.append(news))).start(NEWS_EVERY_S)
    listening = ensureDeferred(_listen(site(resource, reactor, limits_of(CONFIG))))
    listening.addCallback(lambda port: print(port, flush=True))
    reactor.run()


async def _listen(factory: object) -> int:
    port = await serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(factory)
    return int(port.getHost().port)


if __name__ == "__main__":
    serve()
