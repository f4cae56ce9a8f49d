"""A whole node in memory, on fake time, in front of scripted tiers; and short ways to say what they have."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Sequence

from attrs import define, field
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.doubles.now import at_once
from tests.doubles.publish_target import ScriptedTarget
from tests.doubles.upstream import ScriptedStream, ScriptedUpstream
from tiercache.cache.body import IBody
from tiercache.config import Config, NodeConfig, StoreConfig
from tiercache.interfaces import Pool, Tier
from tiercache.node import assemble
from tiercache.parts import Parts
from tiercache.policy.entry import Ask
from tiercache.simple.model import File, Page
from tiercache.simple.names import identity_of, normalise
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles

ANY = Ask()
LOCAL = Ask(local=True)
NO_CACHE = Ask(no_cache=True)

CONFIG = Config(
    source="a test",
    node=NodeConfig(name="here"),
    store=StoreConfig(files="memory", catalogue="memory", budget_bytes=None),
    tiers=(),
)


def sha256(content: bytes) -> str:
    """The digest, as pages give it."""
    return hashlib.sha256(content).hexdigest()


def scripted(name: str = "public", **what: object) -> ScriptedUpstream:
    """A tier of this name."""
    return ScriptedUpstream(tier=Tier(name=name, kind="origin"), **what)  # type: ignore[arg-type]  # as given


def listed(tier: ScriptedUpstream, project: str, *contents: tuple[str, bytes], **what: object) -> tuple[File, ...]:
    """Have a tier list files with their content, and say how it lists them; `what` overrides."""
    files = []
    for filename, content in contents:
        url = f"https://{tier.tier.name}.example/{filename}"
        tier.contents[url] = content
        plain = File(filename=filename, url=url, hashes={"sha256": sha256(content)}, size=len(content))
        files.append(replace(plain, **what))  # type: ignore[arg-type]  # fields of File, as the test gives them
    name = normalise(project)
    tier.pages[name] = Page(project=name, files=(*files,))
    return tuple(files)


def file_requests(tier: ScriptedUpstream) -> list[tuple[str, ...]]:
    """What a tier was asked for files, as words."""
    return [words for words in tier.asked if words[0] == "file"]


def in_pieces(*pieces: bytes | Exception | Deferred[None], size_bytes: int | None, start: int = 0) -> ScriptedStream:
    """A body that comes so; see `ScriptedStream`."""
    return ScriptedStream(size_bytes=size_bytes, start=start, chunks=list(pieces))


def wheel(name: str, version: str, metadata: bytes, *, filler: int = 0) -> bytes:
    """A wheel with this METADATA, after `filler` bytes of something else that does not shrink."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{name}-{version}.dist-info/METADATA"), metadata)
        block = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(filler // 32))
        archive.writestr(zipfile.ZipInfo(f"{name}/filler.bin"), block)
    return buffer.getvalue()


def sdist(name: str, version: str, pkg_info: bytes, *, before: Sequence[tuple[str, bytes]] = ()) -> bytes:
    """An sdist with this PKG-INFO, after what stands `before` it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, data in (*before, ("PKG-INFO", pkg_info)):
            info = tarfile.TarInfo(f"{name}-{version}/{path}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def wheel_of_directory(name: str, version: str, metadata: bytes, size_bytes: int) -> bytes:
    """A wheel whose directory, which stands behind all else, is so long."""
    path = f"{name}-{version}.dist-info/METADATA"
    full, rest = divmod(size_bytes - (46 + len(path)) - 54, 60_054)  # an entry is 46 bytes, its name, its comment
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(path), metadata)
        for number, comment_bytes in enumerate([*[60_000] * full, rest]):
            info = zipfile.ZipInfo(f"{number:08}")
            info.comment = b"x" * comment_bytes
            archive.writestr(info, b"")
    return buffer.getvalue()


async def everything(body: IBody) -> bytes:
    """All that a body gives; it is closed."""
    data = b""
    try:
        while chunk := await body.read():
            data += chunk
    finally:
        body.close()
    return data


@define(kw_only=True)
class SmallNode:
    """The parts of a node; what is stored stays in `files` and `catalogue`, for another SmallNode to begin with."""

    upstreams: list[ScriptedUpstream]
    config: Config = CONFIG
    clock: Clock = field(factory=Clock)
    files: MemoryFiles = field(factory=MemoryFiles)
    catalogue: MemoryCatalogue = field(factory=MemoryCatalogue)
    node_id: str = ""
    pool: Pool = at_once
    targets: list[ScriptedTarget] = field(factory=list)
    parts: Parts = field(init=False)

    @parts.default
    def _assembled(self) -> Parts:
        for upstream in self.upstreams:
            upstream.now = self.clock.seconds
        return assemble(
            self.config,
            files=self.files,
            catalogue=self.catalogue,
            upstreams=self.upstreams,
            clock=self.clock,
            now=self.clock.seconds,
            pool=self.pool,
            node_id=self.node_id,
            publish_targets=self.targets,
        )

    async def page(self, project: str, ask: Ask = ANY) -> Page:
        """The page as it is shown."""
        return (await self.parts.pages.shown(normalise(project), ask)).page

    async def content(self, file: File, ask: Ask = ANY, start: int = 0, stop: int | None = None) -> bytes:
        """The bytes of a file, as a client gets them."""
        opened = await self.parts.files.open(identity_of(file), file.filename, ask)
        return await everything(opened.body(start, stop))
