"""uv.lock: a graph of releases, from the projects of the workspace down.

Which release is for which environment stands at the edges, so the graph is walked: from the members' own dependencies,
and from the wanted extras and groups.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from attrs import define, field
from msgspec import Struct

from tiercache.prefetch.inputs.gathering import Gathering, NotTaken, Parts
from tiercache.prefetch.inputs.locked import digest_of, locked_file, locked_release, refuse_places
from tiercache.prefetch.inputs.markers import ALWAYS, NEVER, Decided, Ways, decided, either, further, marker_of
from tiercache.prefetch.inputs.structured import each, items, table, toml, words
from tiercache.wire.prefetch import Document

KNOWN_VERSION = 1
"""Revisions of it add keys only."""

MEMBERS = frozenset({"virtual", "editable", "directory"})
"""Where a project of the workspace lies."""

MOST_STEPS = 2_000_000
"""Along edges, each time that there is news at their beginning.  Locks of a thousand releases take tens of thousands;
more are taken where very many releases have one name, or one extra after the other."""

COMPARED_IN_A_STEP = 32
"""So many comparisons of two ways to a release take as long as a step."""


class _Edge(Struct, frozen=True, kw_only=True):
    name: str
    version: str | None = None
    marker: str | None = None
    extra: tuple[str, ...] = ()


class _File(Struct, frozen=True, kw_only=True):
    url: str | None = None
    path: str | None = None
    filename: str | None = None
    hash: str | None = None
    size: int | None = None


class _Package(Struct, frozen=True, kw_only=True, rename="kebab"):
    name: str
    version: str | None = None
    source: dict[str, Any] = {}
    dependencies: tuple[_Edge, ...] = ()
    optional_dependencies: dict[str, tuple[_Edge, ...]] = {}
    dev_dependencies: dict[str, tuple[_Edge, ...]] = {}
    sdist: _File | None = None
    wheels: tuple[_File, ...] = ()


class _Place(NamedTuple):
    """In the graph: a release (by its number), or with its `extra`."""

    package: int
    extra: str | None = None


def read_uv_lock(document: Document, gathering: Gathering) -> None:
    """The releases that the workspace needs.

    Raises NotTaken for another version of the format, and for a graph that is made to be walked for ever.
    """
    content = toml(document.text)
    version = content.get("version")
    if version != KNOWN_VERSION or isinstance(version, bool):
        raise NotTaken(reason=f"its version is none that can be read: there is {KNOWN_VERSION}")
    graph = _Graph(
        document=document.name,
        gathering=gathering,
        packages=tuple(each(content, "package", _Package, document, gathering)),
    )
    graph.walk(content)
    for number, ways in sorted(graph.ways_to_releases().items()):
        package = graph.packages[number]
        try:
            if number not in graph.members:
                _take(package, marker_of(ways), gathering)
        except NotTaken as error:
            gathering.note(document.name, package.name, error.reason)


def _take(package: _Package, marker: Decided, gathering: Gathering) -> None:
    if "registry" not in package.source:
        refuse_places(package.source)
        raise NotTaken(reason="it is locked without saying where it comes from")
    files = [*package.wheels, *([package.sdist] if package.sdist is not None else ())]
    gathering.lock(
        locked_release(
            package.name,
            package.version,
            marker=marker,
            files=[
                locked_file(file.filename or file.url or file.path, digest_of(file.hash), file.size) for file in files
            ],
        )
    )


@define(kw_only=True)
class _Graph:
    document: str
    gathering: Gathering
    packages: tuple[_Package, ...]
    members: frozenset[int] = field(init=False, default=frozenset())
    _by_name: dict[str, list[int]] = field(init=False, factory=dict)
    _ways: dict[_Place, Ways] = field(init=False, factory=dict)
    _waiting: deque[_Place] = field(init=False, factory=deque)
    _waits: set[_Place] = field(init=False, factory=set)
    _steps: int = field(init=False, default=0)
    _on: frozenset[str] = field(init=False, default=frozenset())
    _markers: dict[str | None, Decided] = field(init=False, factory=dict)

    def walk(self, content: Mapping[str, Any]) -> None:
        """Finds the ways to everything that is needed."""
        for number, package in enumerate(self.packages):
            self._by_name.setdefault(package.name, []).append(number)
        self.members = frozenset(self._members(table(content, "manifest")))
        parts = self.gathering.parts
        for number in self.members:
            self.gathering.know(
                groups=self.packages[number].dev_dependencies, extras=self.packages[number].optional_dependencies
            )
        self._on = frozenset(self._switches(parts))
        for number in sorted(self.members):
            package = self.packages[number]
            self._reach(_Place(number), ALWAYS)
            for extra in filter(parts.wants_extra, package.optional_dependencies):
                self._reach(_Place(number, extra), ALWAYS)
            for group, edges in package.dev_dependencies.items():
                if parts.wants_group(group):
                    self._follow(edges, ALWAYS)
        # The lock of a script has no project, and names what the script asks for.
        manifest = table(content, "manifest")
        for entry in [*items(manifest, "requirements"), *self._group_requirements(manifest, parts)]:
            try:
                self._follow([words(entry, _Edge)], ALWAYS)
            except NotTaken as error:
                self.gathering.note(self.document, "a requirement of its manifest", error.reason)
        while self._waiting:
            place = self._waiting.popleft()
            self._waits.discard(place)
            package = self.packages[place.package]
            edges = package.dependencies if place.extra is None else package.optional_dependencies.get(place.extra, ())
            self._follow(edges, self._ways[place])

    def ways_to_releases(self) -> dict[int, Ways]:
        """By number: every release that is needed."""
        return {place.package: ways for place, ways in self._ways.items() if place.extra is None}

    def _members(self, manifest: Mapping[str, Any]) -> Iterator[int]:
        named = {name for name in items(manifest, "members") if isinstance(name, str)}
        for number, package in enumerate(self.packages):
            is_here = not MEMBERS.isdisjoint(package.source)
            if is_here and (package.name in named or (not named and "." in package.source.values())):
                yield number

    def _switches(self, parts: Parts) -> Iterator[str]:
        """uv's names for the wanted extras and groups, in markers where some exclude each other."""
        for number in self.members:
            package = self.packages[number]
            yield f"project-{len(package.name)}-{package.name}"
            for extra in filter(parts.wants_extra, package.optional_dependencies):
                yield f"extra-{len(package.name)}-{package.name}-{extra}"
            for group in filter(parts.wants_group, package.dev_dependencies):
                yield f"group-{len(package.name)}-{package.name}-{group}"

    def _group_requirements(self, manifest: Mapping[str, Any], parts: Parts) -> Iterator[object]:
        groups = table(manifest, "dependency-groups")
        self.gathering.know(groups=groups)
        for group in filter(parts.wants_group, groups):
            yield from items(groups, group)

    def _follow(self, edges: Iterable[_Edge], ways: Ways) -> None:
        for edge in edges:
            on = further(ways, self._marker(edge))
            for number in self._by_name.get(edge.name, ()):
                package = self.packages[number]
                if edge.version is None or edge.version == package.version:
                    self._reach(_Place(number), on)
                    for extra in edge.extra:
                        self._count(1)
                        if extra in package.optional_dependencies:
                            self._reach(_Place(number, extra), on)

    def _reach(self, place: _Place, ways: Ways) -> None:
        before = self._ways.get(place, NEVER)
        self._count(1)
        if ways <= before:
            return
        self._count((len(before) + len(ways)) ** 2 // COMPARED_IN_A_STEP)
        after = either(before, ways)
        if after != before:
            self._ways[place] = after
            if place not in self._waits:
                self._waits.add(place)
                self._waiting.append(place)

    def _count(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MOST_STEPS:
            raise NotTaken(reason="it is no lock that a tool wrote: there are too many ways through it")

    def _marker(self, edge: _Edge) -> Decided:
        if edge.marker not in self._markers:
            try:
                self._markers[edge.marker] = decided(edge.marker, self._decide)
            except NotTaken as error:
                self.gathering.note(self.document, f"{edge.name}; {edge.marker}", error.reason)
                self._markers[edge.marker] = True
        return self._markers[edge.marker]

    def _decide(self, variable: str, operator: str, value: str) -> bool:
        return (value in self._on) == (operator in {"==", "in"})
