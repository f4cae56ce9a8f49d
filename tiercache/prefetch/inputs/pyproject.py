"""pyproject.toml: `[project]`, `[dependency-groups]` (PEP 735), and what builds it (PEP 518).  Scripts too (PEP 723).

Groups and extras that name others are followed here, each once: packaging's reader of groups takes all or nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, field
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tiercache.prefetch.inputs.gathering import Gathering, NotTaken
from tiercache.prefetch.inputs.requirement import requirement
from tiercache.prefetch.inputs.structured import items, table, toml
from tiercache.wire.prefetch import Document

LEGACY_BUILD = "setuptools>=40.8.0"
"""What builds a project that does not say what does, as pip has it."""

MOST_MARKER_CHARACTERS = 8_192
"""Of markers that are joined along extras which name extras."""

SCRIPT = "# /// script"
SCRIPT_END = "# ///"


def read_pyproject(document: Document, gathering: Gathering) -> None:
    """The requirements of a project, and of its wanted extras and groups; raises NotTaken for what is no TOML."""
    content = toml(document.text)
    project = table(content, "project")
    _Project(document=document.name, gathering=gathering, project=project, content=content).read()
    for text in build_requirements(content):
        _note_or_keep(document, gathering, text, lambda text: gathering.build_with(str(requirement(text))))


def build_requirements(content: Mapping[str, Any]) -> list[object]:
    """What builds a project, as its pyproject.toml lists it, unchecked; raises NotTaken where it is no list."""
    if "build-system" not in content:
        return [LEGACY_BUILD]
    return items(table(content, "build-system"), "requires")


def read_script(document: Document, gathering: Gathering) -> None:
    """The requirements in the block of a script; raises NotTaken where it has none, or more than one."""
    blocks = list(_script_blocks(document.text))
    if len(blocks) != 1:
        raise NotTaken(reason="it has no block of a script (PEP 723)" if not blocks else "it has several blocks")
    for text in items(toml(blocks[0]), "dependencies"):
        _note_or_keep(document, gathering, text, lambda text: gathering.require(str(requirement(text))))


def _note_or_keep(document: Document, gathering: Gathering, text: object, keep: Callable[[str], None]) -> None:
    try:
        if not isinstance(text, str):
            raise NotTaken(reason="it is no text")
        keep(text)
    except NotTaken as error:
        gathering.note(document.name, text if isinstance(text, str) else "a requirement", error.reason)


def _script_blocks(text: str) -> Iterator[str]:
    # Line by line, as the expression in PEP 723 looks at the lines of an open block again and again.
    lines: list[str] | None = None
    end: int | None = None
    for line in [*text.splitlines(), ""]:
        if lines is None:
            lines, end = ([], None) if line.rstrip() == SCRIPT else (None, None)
        elif line == "#" or line.startswith("# "):
            if line.rstrip() == SCRIPT_END:
                end = len(lines)
            lines.append(line[2:])
        else:
            if end is not None:
                yield "\n".join(lines[:end])
            lines = [] if line.rstrip() == SCRIPT else None


@define(kw_only=True)
class _Project:
    document: str
    gathering: Gathering
    project: Mapping[str, Any]
    content: Mapping[str, Any]
    _extras: dict[str, object] = field(init=False, factory=dict)
    _groups: dict[str, object] = field(init=False, factory=dict)

    def read(self) -> None:
        """Everything that is wanted; what is wrong is noted, and the rest goes on."""
        parts = self.gathering.parts
        self._extras = self._named(self.project, "optional-dependencies")
        self._groups = self._named(self.content, "dependency-groups")
        self.gathering.know(groups=self._groups, extras=self._extras)
        self._note_what_is_not_said()
        self._take_with_own_extras("dependencies", self.project.get("dependencies", []))
        for extra in filter(parts.wants_extra, self._extras):
            self._take_extra(extra, None)
        self._take_groups([group for group in self._groups if parts.wants_group(group)])

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

    def _take_all(self, key: str, value: object, marker: Marker | None = None) -> list[tuple[str, Marker | None]]:
        """Keeps the requirements of a list; gives the extras of the project itself that it names, with markers."""
        own: list[tuple[str, Marker | None]] = []
        if not isinstance(value, list):
            self._note(key, "it is no list")
            return own
        for entry in value:
            try:
                if not isinstance(entry, str):
                    raise NotTaken(reason="it is no text")
                found = requirement(entry)
                _add_marker(found, marker)
                if self._is_own(found):
                    own += [(canonicalize_name(extra), found.marker) for extra in sorted(found.extras)]
                else:
                    self.gathering.require(str(found))
            except NotTaken as error:
                self._note(entry if isinstance(entry, str) else key, error.reason)
        return own

    def _is_own(self, found: Requirement) -> bool:
        name = self.project.get("name")
        return isinstance(name, str) and canonicalize_name(name) == canonicalize_name(found.name)

    def _take_extra(self, extra: str, marker: Marker | None) -> None:
        seen: set[tuple[str, str]] = set()
        waiting = deque([(extra, marker)])
        while waiting:
            name, by = waiting.popleft()
            if (name, str(by)) in seen:
                continue
            seen.add((name, str(by)))
            if name in self._extras:
                waiting.extend(self._take_all(f"the extra {name}", self._extras[name], by))
            else:
                self._note(f"the extra {name}", "there is no extra of that name")

    def _take_groups(self, wanted: list[str]) -> None:
        """The groups, and those that they include, each once: one that includes itself adds nothing."""
        seen = set(wanted)
        waiting = deque(wanted)
        while waiting:
            group = waiting.popleft()
            value = self._groups[group]
            if not isinstance(value, list):
                self._note(f"the group {group}", "it is no list")
                continue
            requirements = [entry for entry in value if not isinstance(entry, dict)]
            self._take_with_own_extras(f"the group {group}", requirements)
            for included in [_included(entry) for entry in value if isinstance(entry, dict)]:
                if included is None:
                    self._note(f"the group {group}", "an entry of it neither requires nor includes")
                elif included not in self._groups:
                    self._note(f"the group {group}", f"it includes {included}, which is no group")
                elif included not in seen:
                    seen.add(included)
                    waiting.append(included)

    def _take_with_own_extras(self, key: str, value: object) -> None:
        for extra, marker in self._take_all(key, value):
            self._take_extra(extra, marker)

    def _note(self, text: str, reason: str) -> None:
        self.gathering.note(self.document, text, reason)


def _included(entry: Mapping[str, Any]) -> str | None:
    name = entry.get("include-group")
    return canonicalize_name(name) if isinstance(name, str) and len(entry) == 1 else None


def _add_marker(found: Requirement, marker: Marker | None) -> None:
    if marker is None:
        return
    found.marker = marker if found.marker is None else marker & found.marker
    if len(str(found.marker)) > MOST_MARKER_CHARACTERS:
        raise NotTaken(reason="its markers are too long together")
