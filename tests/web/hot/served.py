"""A whole node's web side as a process of its own, with files in a folder: run as `python -m tests.web.hot.served`.

Arguments: the folder, the size of the one file that it hosts, the write timeout in seconds.  Prints its port, and the
path of the file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString

from tests.doubles.hosting import publish
from tests.doubles.now import at_once
from tests.doubles.small_node import CONFIG, SmallNode, sha256
from tiercache.served import root_of
from tiercache.storage.folder import FolderFiles
from tiercache.web.limits import Limits
from tiercache.web.site import site

NAME = "acme_tools-1.0.tar.gz"


def content(size_bytes: int) -> bytes:
    """What the file holds."""
    return bytes(range(251)) * (size_bytes // 251 + 1)


def serve(folder: Path, size_bytes: int, write_timeout_s: float) -> None:
    """Serve until killed."""
    node = SmallNode(upstreams=[], clock=reactor, files=FolderFiles.at(folder))
    data = content(size_bytes)[:size_bytes]
    publish(node.parts.hosted, node.parts.stored_files, "acme-tools", NAME, data)
    root = root_of(
        CONFIG, node.parts, clock=reactor, pool=at_once, token="control", not_ready=lambda: None, node_id="here"
    )
    listening = serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(
        site(root, reactor, Limits(write_timeout_s=write_timeout_s))
    )
    listening.addCallback(lambda port: print(port.getHost().port, f"/files/{sha256(data)}/{NAME}", flush=True))
    reactor.run()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
