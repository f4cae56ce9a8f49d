"""pyproject.toml: `[project]`, `[dependency-groups]` (PEP 735), and what builds it (PEP 518).

Groups and extras that name others are followed here, each once: packaging's reader of groups takes all or nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tiercache.prefetch.inputs.gathering import Gathering, NotTaken
from tiercache.prefetch.inputs.markers import ALWAYS, NEVER, Ways, either, further, marker_of
from tiercache.prefetch.inputs.requirement import keep_each, requirement, written
from tiercache.prefetch.inputs.structured import items, table, toml
from tiercache.wire.prefetch import Document

LEGACY_BUILD = "setuptools>=40.8.0"
"""What builds a project that does not say what does, as pip has it."""

MOST_MARKER_CHARACTERS = 8_192
"""Of markers that are joined along extras which name extras."""


def read_pyproject(document: Document, gathering: Gathering) -> None:
    """The requirements of a project, and of its wanted extras and groups; raises NotTaken for what is no TOML."""
    content = toml(document.text)
    project = table(content, "project")
    _Project(document=document.name, gathering=gathering, project=project, content=content).read()
    keep_each(build_requirements(content), gathering.build_with, document, gathering)


def build_requirements(content: Mapping[str, Any]) -> list[object]:
    """What builds a project, as its pyproject.toml lists it, unchecked; raises NotTaken where it is no list."""
    if "build-system" not in content:
        return [LEGACY_BUILD]
    return items(table(content, "build-system"), "requires")


@define(kw_only=True)
class _Project:
    """One reading.  What extras need is kept until every way to them is known: by which markers, and whether at all."""

    document: str
    gathering: Gathering
    project: Mapping[str, Any]
    content: Mapping[str, Any]
    _extras: dict[str, object] = field(init=False, factory=dict)
    _groups: dict[str, object] = field(init=False, factory=dict)
    _ways: dict[str, Ways] = field(init=False, factory=dict)
    _lists: dict[str, list[Requirement]] = field(init=False, factory=dict)

    def read(self) -> None:
        """Everything that is wanted; what is wrong is noted, and the rest goes on."""
        parts = self.gathering.parts
        self._extras = self._named(self.project, "optional-dependencies")
        self._groups = self._named(self.content, "dependency-groups")
        self.gathering.know(groups=self._groups, extras=self._extras)
        self._note_what_is_not_said()
        for found in self._requirements("dependencies", self.project.get("dependencies", [])):
            self._take(found, ALWAYS)
        self._take_groups([group for group in self._groups if parts.wants_group(group)])
        for extra in filter(parts.wants_extra, self._extras):
            self._reach(extra, ALWAYS)
        self._follow_extras()
        for extra, ways in self._ways.items():
            for found in self._lists[extra]:
                if not self._is_own(found):
                    self._take(found, ways)

    def _named(self, where: Mapping[str, Any], key: str) -> dict[str, object]:
        """A table by normalised names; of two that are one name the first is kept, and the other told."""
        found: dict[str, object] = {}
        try:
            entries = table(where, key)
        except NotTaken as error:
            self._note(key, error.reason)
            return found
        for name, value in entries.items():
            if canonicalize_name(name) in found:
                self._note(name, f"{key} has that name twice")
            else:
                found[canonicalize_name(name)] = value
        return found

    def _note_what_is_not_said(self) -> None:
        dynamic = self.project.get("dynamic", [])
        for key in ("dependencies", "optional-dependencies"):
            if isinstance(dynamic, list) and key in dynamic:
                self._note(key, "only a build of the project tells them")
        poetry = self.content.get("tool", {})
        poetry = poetry.get("poetry", {}) if isinstance(poetry, dict) else {}
        if isinstance(poetry, dict) and "dependencies" in poetry and "dependencies" not in self.project:
            self._note("tool.poetry.dependencies", "they are Poetry's own: hand in its poetry.lock")

    def _requirements(self, key: str, value: object) -> Iterator[Requirement]:
        if not isinstance(value, list):
            self._note(key, "it is no list")
            return
        for entry in value:
            try:
                if not isinstance(entry, str):
                    raise NotTaken(reason="it is no text")
                yield requirement(entry)
            except NotTaken as error:
                self._note(entry if isinstance(entry, str) else key, error.reason)

    def _is_own(self, found: Requirement) -> bool:
        name = self.project.get("name")
        return isinstance(name, str) and canonicalize_name(name) == canonicalize_name(found.name)

    def _take(self, found: Requirement, ways: Ways) -> None:
        """Keeps a requirement, for where the ways lead to it; of the project itself it leads on to its extras."""
        if self._is_own(found):
            for extra in sorted(found.extras):
                self._reach(canonicalize_name(extra), further(ways, str(found.marker) if found.marker else True))
            return
        try:
            marker = marker_of(ways)
            if isinstance(marker, str):
                if len(marker) > MOST_MARKER_CHARACTERS:
                    raise NotTaken(reason="the markers of the extras that lead to it are too long together")
                found.marker = Marker(marker) if found.marker is None else Marker(marker) & found.marker
            self.gathering.require(written(found))
        except NotTaken as error:
            self._note(str(found), error.reason)

    def _reach(self, extra: str, ways: Ways) -> bool:
        """Adds ways to an extra; whether that made a difference."""
        if extra not in self._lists:
            if extra not in self._extras:
                self._note(f"the extra {extra}", "there is no extra of that name")
            listed = self._requirements(f"the extra {extra}", self._extras.get(extra, []))
            self._lists[extra] = list(listed)
        before = self._ways.get(extra, NEVER)
        self._ways[extra] = either(before, ways)
        return self._ways[extra] != before

    def _follow_extras(self) -> None:
        waiting = deque(self._ways)
        while waiting:
            extra = waiting.popleft()
            for found in filter(self._is_own, self._lists[extra]):
                on = further(self._ways[extra], str(found.marker) if found.marker else True)
                waiting.extend(name for name in map(canonicalize_name, found.extras) if self._reach(name, on))

    def _take_groups(self, wanted: list[str]) -> None:
        """The groups, and those that they include, each once: one that includes itself adds nothing."""
        seen = set(wanted)
        waiting = deque(wanted)
        while waiting:
            group = waiting.popleft()
            value = self._groups[group]
            entries = value if isinstance(value, list) else []
            listed = [entry for entry in entries if not isinstance(entry, dict)] if entries else value
            for found in self._requirements(f"the group {group}", listed):
                self._take(found, ALWAYS)
            for included in [_included(entry) for entry in entries if isinstance(entry, dict)]:
                if included is None:
                    self._note(f"the group {group}", "an entry of it neither requires nor includes")
                elif included not in self._groups:
                    self._note(f"the group {group}", f"it includes {included}, which is no group")
                elif included not in seen:
                    seen.add(included)
                    waiting.append(included)

    def _note(self, text: str, reason: str) -> None:
        self.gathering.note(self.document, text, reason)


def _included(entry: Mapping[str, Any]) -> str | None:
    name = entry.get("include-group")
    return canonicalize_name(name) if isinstance(name, str) and len(entry) == 1 else None
