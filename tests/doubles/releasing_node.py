# mypy: disallow-untyped-calls=False
# twisted has no types here.
"""What `twistd -y` runs for `tests.doubles.releasing`: a node that hosts each wheel that it finds in a folder.

All is as in `twistd tiercache`; the folder, named by RELEASES in the environment, stands in for whoever publishes.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from twisted.application.internet import TimerService
from twisted.application.service import Application
from twisted.internet.defer import Deferred, ensureDeferred

from tiercache.service import Node
from tiercache.simple.model import File
from tiercache.simple.names import candidate_projects
from tiercache.tap import Options, makeService

LOOK_EVERY_S = 0.02


def look(node: Node, folder: Path) -> Deferred[None]:
    """Host what is there, and remove each file once it is hosted."""
    return ensureDeferred(_host(node, sorted(folder.glob("*.whl"))))


async def _host(node: Node, paths: list[Path]) -> None:
    for path in paths:
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        partial = node.parts.stored_files.begin()
        partial.write(content)
        partial.commit(digest)
        file = File(filename=path.name, url="", hashes={"sha256": digest}, size=len(content))
        await node.parts.hosted.add(candidate_projects(path.name)[0], file)
        path.unlink()


process = makeService(Options())
(only,) = process.services  # type: ignore[attr-defined]  # a MultiService is what it is
TimerService(LOOK_EVERY_S, look, only, Path(os.environ["RELEASES"])).setServiceParent(process)
application = Application("tiercache")
process.setServiceParent(application)
