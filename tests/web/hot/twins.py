"""One node behind two sites: one answers what is ready at once, the other everything by its application."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.web.server import Request

from tests.doubles.hosting import publish
from tests.doubles.joined_worker import JoinedWorker
from tests.doubles.now import at_once, result_of
from tests.doubles.outlet import MemoryOutlets
from tests.doubles.small_node import CONFIG, SmallNode, listed, scripted, sha256, wheel
from tests.doubles.upstream import ScriptedUpstream
from tests.doubles.wire import HOST, Connection, Wire
from tiercache.config import Config
from tiercache.policy.entry import Ask
from tiercache.served import root_of
from tiercache.storage.folder import FolderFiles
from tiercache.storage.memory_files import MemoryFiles
from tiercache.web.hot.path import HotPath
from tiercache.web.limits import Limits

ACME_NAME, NUMPY_NAME = "acme_tools-1.0-py3-none-any.whl", "numpy-1.0-py3-none-any.whl"
ACME = wheel("acme_tools", "1.0", b"Metadata-Version: 2.1\nName: acme-tools\nVersion: 1.0\n")
NUMPY = wheel("numpy", "1.0", b"Metadata-Version: 2.1\nName: numpy\nVersion: 1.0\n")

FILE = f"/files/{sha256(NUMPY)}/{NUMPY_NAME}"
SIDECAR = f"/files/{sha256(NUMPY)}/{NUMPY_NAME}.metadata"
PATHS = (
    "/simple/numpy/",
    "/simple/acme-tools/",
    "/local/numpy/",
    "/local/acme-tools/",
    SIDECAR,
    f"/local{SIDECAR}",
    f"/files/{sha256(ACME)}/{ACME_NAME}.metadata",
)
"""What is kept ready once it was asked for."""


@define(eq=False, repr=False)
class CountedRoot:
    """A root that counts the requests which come as far as the application."""

    root: Any
    requests: int = 0
    isLeaf: bool = True  # noqa: N815  # the name in IResource

    def render(self, request: Request) -> object:
        self.requests += 1
        return self.root.render(request)


def but_its_date(answer: bytes) -> bytes:
    """The bytes of answers without the time of day."""
    return re.sub(rb"\r\nDate: [^\r]*", b"", answer)


def head(method: str, path: str, fields: dict[str, str] | None = None) -> bytes:
    """The head of a request."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": HOST, **(fields or {})}.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")


@define(eq=False, repr=False)
class Twins:
    """A node that hosts acme-tools, and has numpy from a tier with its only file stored: in `folder`, or in memory."""

    config: Config = CONFIG
    limits: Limits = field(factory=Limits)
    folder: Path | None = None
    outlets: MemoryOutlets = field(factory=MemoryOutlets)
    public: ScriptedUpstream = field(factory=scripted)
    node: SmallNode = field(init=False)
    hot: Wire = field(init=False)
    stock: Wire = field(init=False)
    asked: CountedRoot = field(init=False)

    def __attrs_post_init__(self) -> None:
        (file,) = listed(self.public, "numpy", (NUMPY_NAME, NUMPY))
        files = MemoryFiles() if self.folder is None else FolderFiles.at(self.folder)
        self.node = SmallNode(upstreams=[self.public], config=self.config, files=files)
        parts = self.node.parts
        publish(parts.hosted, parts.stored_files, "acme-tools", ACME_NAME, ACME)
        result_of(self.node.page("numpy", Ask()))
        result_of(self.node.content(file))
        root = root_of(
            self.config,
            parts,
            clock=self.node.clock,
            pool=at_once,
            token="control",
            not_ready=lambda: None,
            node_id="here",
        )
        root.hot.outlet_of = self.outlets.of
        self.hot, self.stock = (Wire.to(root, self.limits, self.node.clock) for _ in range(2))
        self.asked = CountedRoot(root)
        self.hot.site.resource = self.asked
        self.stock.site.hot = None

    def connect(self) -> Connection:
        """A connection to the site that answers at once what it can."""
        connection = self.hot.connect()
        assert connection is not None
        return connection

    def hot_answer(self, request: bytes) -> bytes:
        """What that site answers to these bytes; its line in the log is written."""
        connection = self.connect()
        connection.send(request)
        connection.leave()
        self.hot.site.hot.flush()
        return but_its_date(connection.received)

    def stock_answer(self, request: bytes) -> bytes:
        """What the other site does."""
        connection = self.stock.connect()
        assert connection is not None
        connection.send(request)
        connection.leave()
        return but_its_date(connection.received)

    def warm(self, path: str, fields: dict[str, str] | None = None) -> bytes:
        """Have an answer kept; its bytes."""
        return self.stock_answer(head("GET", path, fields))

    def cool(self) -> None:
        """Have nothing ready; what the node knows it knows still."""
        for hot in self._paths():
            hot.ready._places.clear()
            hot.ready._held_bytes = 0

    def _paths(self) -> list[HotPath]:
        return [self.hot.site.hot]

    def is_hot(self, request: bytes) -> bool:
        """Whether the application is left alone by this request."""
        before = self.asked.requests
        self.hot_answer(request)
        return self.asked.requests == before


@define(eq=False, repr=False)
class WorkerTwins(Twins):
    """The same with the site that answers at once in a worker, which passes on to a site of the node."""

    joined: JoinedWorker = field(init=False)
    behind: HotPath = field(init=False)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.behind = self.hot.site.hot
        self.joined = JoinedWorker(
            config=self.config,
            parts=self.node.parts,
            site=self.hot.site,
            clock=self.node.clock,
            outlets=self.outlets,
            path_of=self._path_of,
        )
        self.hot = self.joined.wire

    def _path_of(self, sha256: str) -> str:
        return "/nowhere" if self.folder is None else self.node.parts.stored_files.path_of(sha256)

    def _paths(self) -> list[HotPath]:
        return [self.hot.site.hot, self.behind]

    def hot_answer(self, request: bytes) -> bytes:
        """See `Twins`; the node is told of it."""
        answer = super().hot_answer(request)
        self.node.clock.advance(0)
        self.joined.worker.tell()
        self.joined.site.hot.flush()
        return answer


MakeTwins = Callable[..., Twins]
