"""A whole node that takes uploads, in memory, and clients that send them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from tests.doubles.chain_of_nodes import ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.surroundings import load
from tests.doubles.uploads import MULTIPART, Made, form_of
from tests.doubles.wire import Connection, Reply
from tiercache.storage.memory_files import MemoryFiles

ALICE = {"Authorization": "Bearer token-of-alice-at-this-node"}
BOB = {"Authorization": "Bearer token-of-bob-at-this-node"}
ACCESS = load(
    "access: {users: {alice: {token: token-of-alice-at-this-node}, bob: {token: token-of-bob-at-this-node}},"
    " grants: [{who: [anyone], may: [read]}, {who: [alice], may: [publish]},"
    " {who: [bob], may: [publish], projects: [bobs-*]}]}"
).access
"""Anyone reads, alice publishes everything, and bob what is his."""

ROOM_BYTES = 1024 * 1024


@define(kw_only=True)
class PublishingNode:
    """The node `server`, below an index that has nothing yet; `config` are sections of its configuration."""

    config: Mapping[str, Any] = field(factory=dict)
    tiers: tuple[str, ...] = (ORIGIN,)
    chain: ChainOfNodes = field(factory=ChainOfNodes)
    node: JoinedNode = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.node = self.chain.node("server", *self.tiers, **{"access": ACCESS, **self.config})
        self.node.files = MemoryFiles(room_bytes=ROOM_BYTES)
        self.node.start()

    def begin(self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "POST") -> Connection:
        """Send the head of an upload."""
        return self.node.begin(path, {**ALICE, **MULTIPART, **(headers or {})}, method=method)

    def send(self, path: str, body: bytes, headers: Mapping[str, str] | None = None, *, method: str = "POST") -> Reply:
        """One whole upload."""
        return self.node.get(path, {**ALICE, **MULTIPART, **(headers or {})}, method=method, body=body)

    def publish(self, archive: Made, headers: Mapping[str, str] | None = None) -> Reply:
        """Upload an archive as twine does."""
        return self.send("/legacy/", form_of(archive), headers)

    def page(self, project: str = "acme-tools") -> dict[str, Any] | int:
        """The page as JSON, or the status."""
        reply = self.node.page(project)
        return json.loads(reply.body) if reply.status == 200 else reply.status

    def filenames(self, project: str = "acme-tools") -> list[str] | int:
        """The filenames of a page, or its status."""
        page = self.page(project)
        return page if isinstance(page, int) else [file["filename"] for file in page["files"]]

    def assert_holds(self, *archives: Made) -> None:
        """The store has these files with their records, and nothing else takes room there."""
        files = self.node.files
        assert {sha256 for sha256, _ in files.all()} == {archive.sha256 for archive in archives}
        records = files.records
        recorded = {(project, name) for project in records.projects() for name in records.filenames(project)}
        assert {name for _, name in recorded} - {""} == {archive.filename for archive in archives}
        recorded |= {(project, "") for project in records.projects()}
        recorded_bytes = sum(len(records.read(*one) or b"") for one in recorded)
        partial = files.begin()
        partial.write(bytes(ROOM_BYTES - sum(len(archive.content) for archive in archives) - recorded_bytes))
        partial.discard()
