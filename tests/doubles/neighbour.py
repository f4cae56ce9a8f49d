"""A neighbour that lives in a test: a `ScriptedUpstream` that is a node too, and has files stored."""

from __future__ import annotations

from attrs import define, field
from zope.interface import implementer

from tests.doubles.small_node import sha256
from tests.doubles.upstream import ScriptedStream, ScriptedUpstream
from tiercache.errors import FileAbsent, NotANode
from tiercache.interfaces import IFeed, IFileStream, INeighbour, Tier
from tiercache.policy.news import Position
from tiercache.wire import NodeState, Reserved
from tiercache.wire.prefetch import JobState, Wanted


@implementer(INeighbour)
@define(kw_only=True, eq=False, slots=False)
class ScriptedNeighbour(ScriptedUpstream):
    """`stored` are the files that it has, by the SHA-256 that they are asked for by; `is_node` False: it is none."""

    stored: dict[str, bytes] = field(factory=dict)
    is_node: bool = True
    prefetches: list[Wanted] = field(factory=list)

    async def about(self) -> NodeState:
        """It says nothing of itself."""
        raise NotANode(tier=self.tier.name, reason="it says nothing")

    async def reserved(self) -> Reserved:
        """Nor of names."""
        raise NotANode(tier=self.tier.name, reason="it says nothing")

    async def follow(self, since: Position | None) -> IFeed:
        """Nor of changes."""
        raise NotANode(tier=self.tier.name, reason="it says nothing")

    async def prefetch(self, wanted: Wanted) -> JobState:
        """It takes what the test lets it, and notes it."""
        self.asked.append(("prefetch", *(file.filename for file in wanted.files)))
        if not self.is_node:
            raise NotANode(tier=self.tier.name, reason="it is another program")
        self._answers()
        self.prefetches.append(wanted)
        return JobState(id=f"job-{len(self.prefetches)}", phase="waiting", created_at=0.0)

    async def stored_file(self, sha256: str, filename: str) -> IFileStream:
        """What the test put in under this digest, whatever it is."""
        self.asked.append(("stored", sha256, filename))
        if not self.is_node:
            raise NotANode(tier=self.tier.name, reason="it is another program")
        self._answers()
        if sha256 not in self.stored:
            raise FileAbsent(filename=filename)
        content = self.stored[sha256]
        return ScriptedStream(size_bytes=len(content), start=0, chunks=[content])


def sibling(name: str, *contents: bytes, **what: object) -> ScriptedNeighbour:
    """A sibling that has these files."""

    made = ScriptedNeighbour(tier=Tier(name=name, kind="sibling"), **what)  # type: ignore[arg-type]  # as given
    made.stored.update({sha256(content): content for content in contents})
    return made
