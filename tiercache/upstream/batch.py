"""One batch: the page asks that go to a node in one exchange, who waits for which, and how they are worded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from tiercache.errors import ProjectAbsent
from tiercache.policy.entry import NotModified, Present
from tiercache.policy.hints import NO_HINTS, Hints
from tiercache.policy.hops import Hops
from tiercache.simple.model import ProjectName
from tiercache.upstream.ndjson import Lines
from tiercache.upstream.requests import Requests
from tiercache.wire import LONGEST_SPECIFIER, MOST_EXTRAS, MOST_PROJECTS

RELEASES = 3
"""Of how many releases of a project the sidecars may come along: resolvers read the newest first."""

Outcome = Present | NotModified | ProjectAbsent


@frozen(kw_only=True)
class Kind:
    """What the asks of one batch have in common; `hints` are without what is said of one project alone."""

    hops: Hops
    no_cache: bool = False
    hints: Hints = NO_HINTS

    @property
    def neighbours(self) -> int:
        """How many lines may come that nobody asked for."""
        return self.hints.neighbours


@define(kw_only=True, eq=False)
class Waiter:
    """One ask, which waits for its line: `alarm` is its own deadline."""

    done: Deferred[Outcome]
    alarm: IDelayedCall


@define(kw_only=True, eq=False)
class Batch:
    """Asks that go out in one exchange.  `etags` are all that was asked for, `waiting` who waits for what of it.

    `promised`: the projects whose lines are still to come although nobody asked for them; `came_along`: those whose
    lines have come.
    """

    kind: Kind
    requests: Requests
    etags: dict[ProjectName, str | None] = field(factory=dict)
    hints: dict[ProjectName, Hints] = field(factory=dict)
    waiting: dict[ProjectName, list[Waiter]] = field(factory=dict)
    answered: set[ProjectName] = field(factory=set)
    promised: set[ProjectName] = field(factory=set)
    came_along: set[ProjectName] = field(factory=set)
    timer: IDelayedCall | None = None
    exchange: Deferred[None] | None = None
    is_sent: bool = False
    lines: Lines | None = None

    def takes(self, project: ProjectName, etag: str | None) -> bool:
        """Whether an ask can still join."""
        if project in self.etags:
            return self.etags[project] == etag
        return len(self.etags) < MOST_PROJECTS

    def body(self) -> bytes:
        """The request's body, a `PagesWanted`.  What is as it would be without a word is left out."""
        hints = self.kind.hints
        wanted: dict[str, Any] = {"projects": [self._wanted(project) for project in self.etags], "metadata": RELEASES}
        if hints.python and hints.platform:
            wanted["environment"] = {"python": hints.python, "platform": hints.platform}
        if hints.universal:
            wanted["universal"] = True
        if self.kind.neighbours:
            wanted["neighbours"] = self.kind.neighbours
        return msgspec.json.encode(wanted)

    def _wanted(self, project: ProjectName) -> Mapping[str, Any]:
        hints = self.hints.get(project, NO_HINTS)
        wanted: dict[str, Any] = {"name": project, "etag": self.etags[project]}
        if hints.specifier and len(hints.specifier) <= LONGEST_SPECIFIER:
            wanted["specifier"] = hints.specifier
        if hints.extras and len(hints.extras) <= MOST_EXTRAS:
            wanted["extras"] = list(hints.extras)
        return wanted


def kind_of(hops: Hops, no_cache: bool, hints: Hints) -> Kind:
    """The batch that an ask goes into.  Who insists on the newest page is not given others unasked."""
    common = evolve(hints, specifier="", extras=(), neighbours=0 if no_cache else hints.neighbours)
    return Kind(hops=hops, no_cache=no_cache, hints=common)
