"""A small node that follows scripted nodes above it, and short ways to say what it knows."""

from __future__ import annotations

from collections import deque

from attrs import define

from tests.doubles.node_above import NodeAbove, ScriptedFeed, above
from tests.doubles.now import result_of
from tests.doubles.small_node import ANY, SmallNode, listed
from tests.doubles.upstream import ScriptedUpstream
from tiercache.errors import NotANode, ProjectAbsent, TierUnreachable
from tiercache.interfaces import FeedEvent
from tiercache.policy.entry import Ask
from tiercache.policy.news import Change, Position
from tiercache.policy.vouching import TierNews
from tiercache.simple.model import ProjectName
from tiercache.storage.memory import MemoryCatalogue

OWN = "f" * 16

NO_FEED = TierUnreachable(tier="office", reason="no feed")
NO_NODE = NotANode(tier="office", reason="another program")


@define(kw_only=True)
class FollowingNode(SmallNode):
    """One whose feeds are followed from the start."""

    def __attrs_post_init__(self) -> None:
        self.parts.following.start()

    def again(self, catalogue: MemoryCatalogue | None = None) -> FollowingNode:
        """The same node after a restart; with a catalogue, with that."""
        result_of(self.parts.following.stop())
        return self.crashed(catalogue)

    def crashed(self, catalogue: MemoryCatalogue | None = None) -> FollowingNode:
        """The same after a restart for which it did not prepare."""
        return FollowingNode(
            upstreams=self.upstreams,
            clock=self.clock,
            files=self.files,
            catalogue=catalogue or self.catalogue,
            node_id=self.node_id,
        )

    @property
    def journal(self) -> list[Change]:
        """All that stands in its journal."""
        return list(self.catalogue.changes(0, 100_000) or ())

    @property
    def told(self) -> list[tuple[str, str]]:
        """The same as projects and words."""
        return [(change.project, change.what) for change in self.journal]

    def news(self, tier: str = "office") -> TierNews:
        """What it knows of a tier's feed."""
        return self.parts.pages._entries._vouching.news_of(tier)

    def is_live(self, tier: str = "office") -> bool:
        """Whether it follows that without a gap."""
        heard = self.parts.following.heard(tier)
        return heard is not None and heard.is_live

    def names(self, project: str = "numpy", ask: Ask = ANY) -> list[str]:
        """The filenames on its page, none where there is no page."""
        try:
            return [file.filename for file in result_of(self.page(project, ask)).files]
        except ProjectAbsent:
            return []

    def announcers(self, project: str) -> tuple[str, ...]:
        """The tiers that have reserved a name."""
        return self.parts.reserved.by(ProjectName(project)).announced_by

    def pass_time(self, seconds: float) -> None:
        """Let time pass in steps: in small ones, unless it is much."""
        step_s = max(5.0, seconds / 200)
        while seconds > 0:
            self.clock.advance(min(seconds, step_s))
            seconds -= step_s


def following(*tiers: ScriptedUpstream) -> FollowingNode:
    """A node that follows these."""
    node = FollowingNode(upstreams=list(tiers), node_id=OWN)
    node.clock.advance(1.0)
    return node


def release(tier: ScriptedUpstream, version: str, project: str = "numpy") -> str:
    """Let a tier list this version of a project alone; the filename."""
    filename = f"{project}-{version}.tar.gz"
    listed(tier, project, (filename, version.encode()))
    tier.etag = f'"{version}"'
    return filename


def page_requests(tier: ScriptedUpstream, project: str = "numpy") -> int:
    """How often a tier was asked for a page."""
    return sum(words[:2] == ("page", project) for words in tier.asked)


def followed(**what: object) -> tuple[NodeAbove, FollowingNode]:
    """An office that has numpy, and a node that has its page."""
    office = above(**what)
    release(office, "1.0")
    node = following(office)
    assert node.names() == ["numpy-1.0.tar.gz"]
    return office, node


def feed_of(*events: FeedEvent) -> ScriptedFeed:
    """A feed that brings these, and then nothing."""
    return ScriptedFeed(events=deque(events))


def at(serial: int, epoch: str = "e1") -> Position:
    return Position(epoch=epoch, serial=serial)
