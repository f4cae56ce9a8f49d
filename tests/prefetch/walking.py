"""A client that resolves through a node in memory, and the projects that it finds there."""

from __future__ import annotations

import json

from attrs import define, evolve, field

from tests.doubles.now import begun, result_of
from tests.doubles.small_node import CONFIG, SmallNode, everything, scripted, sha256, wheel
from tests.doubles.upstream import ScriptedUpstream
from tiercache.cache.pages import ShownPage
from tiercache.config import Config
from tiercache.policy.entry import Ask
from tiercache.prefetch.read_ahead import ReadAhead
from tiercache.prefetch.walk import Client
from tiercache.simple.model import File, Page, ProjectName
from tiercache.simple.names import identity_of, normalise
from tiercache.stats import Stats

PIP = "pip/26.3 " + json.dumps(
    {
        "cpu": "x86_64",
        "distro": {"libc": {"lib": "glibc", "version": "2.36"}, "name": "Debian GNU/Linux"},
        "implementation": {"name": "CPython", "version": "3.12.4"},
        "installer": {"name": "pip", "version": "26.3"},
        "python": "3.12.4",
        "system": {"name": "Linux"},
    }
)
ANN = Client(address="192.0.2.1", user_agent=PIP)
ASK = Ask()


def metadata(name: str, version: str, *requires: str) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    return "\n".join([*lines, *(f"Requires-Dist: {one}" for one in requires), ""]).encode()


def release(tier: ScriptedUpstream, name: str, version: str, *requires: str, size: int | None = None) -> File:
    """Let a tier have a wheel, and core metadata beside it; `size`: what its page says, None for what is true."""
    described = metadata(name, version, *requires)
    content = wheel(name.replace("-", "_"), version, described)
    filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    file = File(
        filename=filename,
        url=f"https://{tier.tier.name}.example/{filename}",
        hashes={"sha256": sha256(content)},
        size=len(content) if size is None else size,
        core_metadata={"sha256": sha256(described)},
    )
    tier.contents[file.url], tier.sidecars[file.url] = content, described
    project = normalise(name)
    known = tier.pages.get(project, Page(project=project))
    tier.pages[project] = evolve(known, files=(*known.files, file))
    return file


def asked(tier: ScriptedUpstream, kind: str) -> list[str]:
    """Which pages a tier was asked for, or of which files the `sidecar` or the `file`, in order."""
    return [words[1].rpartition("/")[2].removesuffix("-py3-none-any.whl") for words in tier.asked if words[0] == kind]


@define(kw_only=True)
class Walked:
    """A node, and a client in front of it, whose acts let everything happen that needs no time."""

    tier: ScriptedUpstream = field(factory=scripted)
    others: list[ScriptedUpstream] = field(factory=list)
    config: Config = CONFIG
    client: Client = ANN
    node: SmallNode = field(init=False)

    @node.default
    def _new_node(self) -> SmallNode:
        return SmallNode(upstreams=[self.tier, *self.others], config=self.config)

    @property
    def ahead(self) -> ReadAhead:
        assert self.node.parts.read_ahead is not None
        return self.node.parts.read_ahead

    @property
    def stats(self) -> Stats:
        return self.node.parts.stats

    def settle(self) -> None:
        clock = self.node.clock
        while any(call.getTime() <= clock.seconds() for call in clock.getDelayedCalls()):
            clock.advance(0)

    def page(self, name: str, ask: Ask = ASK, client: Client | None = None) -> ShownPage:
        shown = result_of(self.ahead.page(client or self.client, ProjectName(name), ask))
        self.settle()
        return shown

    def begin_page(self, name: str) -> None:
        """Ask for a page, and do not wait for it."""
        begun(self.ahead.page(self.client, ProjectName(name), ASK))
        self.settle()

    def sidecar(self, file: File, ask: Ask = ASK) -> bytes:
        shown = result_of(self.ahead.sidecar(self.client, identity_of(file), file.filename, ask))
        self.settle()
        return shown.data

    def file(self, file: File, ask: Ask = ASK) -> bytes:
        opened = result_of(self.ahead.file(self.client, identity_of(file), file.filename, ask))
        data = result_of(everything(opened.body(0, None)))
        self.settle()
        return data
