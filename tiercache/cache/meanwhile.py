"""News that comes while tiers are being asked: what they then answer may be older than it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define, evolve, field, frozen

from tiercache.policy.entry import Entry
from tiercache.policy.news import Position
from tiercache.policy.vouching import outdates
from tiercache.simple.model import ProjectName


@frozen
class _News:
    position: Position
    is_known: bool


@define(eq=False)
class Meanwhile:
    """What was heard of one project since its tiers were first asked: of each tier the last."""

    _heard: dict[str, _News] = field(factory=dict, init=False)

    def hear(self, tier: str, position: Position, *, is_known: bool) -> None:
        """Something came."""
        before = self._heard.get(tier)
        self._heard[tier] = _News(position, is_known and (before is None or before.is_known))

    @property
    def is_quiet(self) -> bool:
        """Whether nothing came."""
        return not self._heard

    def counted(self, entry: Entry) -> Entry:
        """What the tiers answered, as it counts after what was heard."""
        for tier, news in self._heard.items():
            if outdates(tier, news.position, entry.head, is_known=news.is_known):
                return evolve(entry, head=evolve(entry.head, outdated=True))
        return entry


@define(kw_only=True)
class Asked:
    """The projects whose tiers are being asked now."""

    _by_project: dict[ProjectName, list[Meanwhile]] = field(factory=dict, init=False)

    @contextmanager
    def asking(self, project: ProjectName) -> Iterator[Meanwhile]:
        """Note what comes of a project until its tiers have answered."""
        meanwhile = Meanwhile()
        self._by_project.setdefault(project, []).append(meanwhile)
        try:
            yield meanwhile
        finally:
            self._by_project[project].remove(meanwhile)
            if not self._by_project[project]:
                del self._by_project[project]

    def hear(self, project: ProjectName | None, tier: str, position: Position, *, is_known: bool) -> None:
        """News of a project, or with None of all."""
        asked = self._by_project if project is None else [project]
        for one in asked:
            for meanwhile in self._by_project.get(one, ()):
                meanwhile.hear(tier, position, is_known=is_known)
