"""What one reading of documents gathers, across formats and files.  It lives as long as the reading."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field, frozen
from packaging.utils import canonicalize_name

from tiercache.prefetch.inputs.inputs import Inputs, LockedFile, LockedRelease
from tiercache.prefetch.inputs.text import shown
from tiercache.wire.prefetch import Unparseable

MOST_UNPARSEABLE = 1_000
"""Told one by one; the rest is counted."""

MOST_REQUIREMENTS = 100_000
"""Of all documents together, and as many releases."""

MOST_MARKER_CHARACTERS = 20_000
"""Of the markers of one release in several places: beyond, it is taken to be for every environment."""

EVERY = "all"
"""The name that stands for each group, or each extra."""


@frozen(kw_only=True)
class NotTaken(Exception):
    """A piece of a document is not taken, for a reason in words for people."""

    reason: str


@frozen(kw_only=True)
class Parts:
    """The groups and extras that are wanted of a document beside its main part, by normalised names."""

    groups: frozenset[str] = frozenset()
    extras: frozenset[str] = frozenset()

    @classmethod
    def of(cls, *, groups: Iterable[str] = (), extras: Iterable[str] = ()) -> Parts:
        """By names as people write them."""
        return cls(
            groups=frozenset(canonicalize_name(name) for name in groups),
            extras=frozenset(canonicalize_name(name) for name in extras),
        )

    def wants_group(self, name: str) -> bool:
        """Whether a group is wanted, by itself or with each other."""
        return EVERY in self.groups or canonicalize_name(name) in self.groups

    def wants_extra(self, name: str) -> bool:
        """Whether an extra is wanted, by itself or with each other."""
        return EVERY in self.extras or canonicalize_name(name) in self.extras

    def decide(self, variable: str, operator: str, value: str) -> bool:
        """Whether a comparison of a lock's marker holds: of `extra`, `extras` or `dependency_groups` with a name."""
        is_wanted = self.wants_group(value) if variable == "dependency_groups" else self.wants_extra(value)
        return is_wanted == (operator in {"==", "in"})


@define(kw_only=True)
class Gathering:
    """Everything that was read so far, in the order of reading, each thing once."""

    parts: Parts = Parts()
    known_groups: set[str] = field(init=False, factory=set)
    known_extras: set[str] = field(init=False, factory=set)
    _requirements: dict[str, None] = field(init=False, factory=dict)
    _constraints: dict[str, None] = field(init=False, factory=dict)
    _build: dict[str, None] = field(init=False, factory=dict)
    _locked: dict[tuple[str, str, str | None], list[LockedRelease]] = field(init=False, factory=dict)
    _unparseable: list[Unparseable] = field(init=False, factory=list)
    _more: int = field(init=False, default=0)

    def require(self, line: str) -> None:
        """Something to be resolved; raises NotTaken when there is too much of it."""
        self._keep(self._requirements, line)

    def constrain(self, line: str) -> None:
        """A bound of what is resolved; raises NotTaken when there are too many."""
        self._keep(self._constraints, line)

    def build_with(self, line: str) -> None:
        """Something that a build needs; raises NotTaken when there is too much of it."""
        self._keep(self._build, line)

    def lock(self, release: LockedRelease) -> None:
        """A locked release; raises NotTaken when there are too many."""
        key = (release.project, release.version, release.requires_python)
        if key not in self._locked and len(self._locked) >= MOST_REQUIREMENTS:
            raise NotTaken(reason=f"there are more than {MOST_REQUIREMENTS} releases")
        self._locked.setdefault(key, []).append(release)

    def note(self, document: str, text: str, reason: str, line: int | None = None) -> None:
        """Something that is not taken, as it stands in the document, and why."""
        if len(self._unparseable) < MOST_UNPARSEABLE:
            told = Unparseable(document=document, text=shown(text), reason=shown(reason), line=line)
            self._unparseable.append(told)
        else:
            self._more += 1

    def know(self, *, groups: Iterable[str] = (), extras: Iterable[str] = ()) -> None:
        """Groups and extras that a document has, wanted or not."""
        self.known_groups.update(canonicalize_name(name) for name in groups)
        self.known_extras.update(canonicalize_name(name) for name in extras)

    def inputs(self) -> Inputs:
        """What was gathered; releases that several locks name, or one names twice, are made one."""
        unparseable = self._unparseable
        if self._more:
            reason = "there is more than is told one by one"
            unparseable = [*unparseable, Unparseable(document="", text=f"{self._more} more", reason=reason)]
        return Inputs(
            requirements=tuple(self._requirements),
            constraints=tuple(self._constraints),
            build_requirements=tuple(self._build),
            locked=tuple(_joined(releases) for releases in self._locked.values()),
            unparseable=tuple(unparseable),
        )

    def _keep(self, lines: dict[str, None], line: str) -> None:
        if line not in lines and len(lines) >= MOST_REQUIREMENTS:
            raise NotTaken(reason=f"there are more than {MOST_REQUIREMENTS} requirements")
        lines[line] = None


def _joined(releases: list[LockedRelease]) -> LockedRelease:
    first = releases[0]
    if len(releases) == 1:
        return first
    markers = {release.marker: None for release in releases}
    texts = [marker for marker in markers if marker is not None]
    is_for_all = len(texts) < len(markers)
    if is_for_all or sum(map(len, texts)) > MOST_MARKER_CHARACTERS:
        texts = []
    marker = " or ".join(f"({text})" for text in texts) if len(texts) > 1 else next(iter(texts), None)
    # A lock that gives digests for a release binds it, whatever another leaves open.
    files: dict[tuple[str | None, tuple[tuple[str, str], ...]], LockedFile] = {}
    for release in releases:
        for file in release.files:
            files.setdefault((file.filename, tuple(sorted(file.hashes.items()))), file)
    return LockedRelease(
        project=first.project,
        version=first.version,
        marker=marker,
        requires_python=first.requires_python,
        files=tuple(files.values()),
    )
