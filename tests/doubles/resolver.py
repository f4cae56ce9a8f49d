"""A resolver in memory: honest about pages and metadata that it is given, and simple.

It takes the newest release that every requirement known so far allows, looks what that requires, and does so again
until nothing changes; where that leads nowhere it gives up, and never tries an older release to get on.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping

from attrs import define, field, frozen
from packaging.markers import default_environment
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from zope.interface import implementer

from tests.doubles.now import result_of
from tests.doubles.shelves import file_of, page_of
from tiercache.errors import NotStored, ProjectAbsent
from tiercache.errors.prefetch import Unresolvable
from tiercache.interfaces.resolver import IResolver, Question
from tiercache.parts import Parts
from tiercache.policy.entry import Ask
from tiercache.simple.model import File, Page, ProjectName
from tiercache.simple.names import identity_of, normalise, version_in
from tiercache.wire.prefetch import Target

ROUNDS = 50
"""So many times it looks anew before it says that there is no way."""

PYTHON = "3.12"

GetPage = Callable[[ProjectName, Question], Awaitable[Page]]
"""The page for who asks; raises ProjectAbsent, or what a node raises."""

GetMetadata = Callable[[File, Question], Awaitable[bytes]]


@frozen(kw_only=True)
class Chosen:
    """A release: its files, and the marker behind which alone it is needed, None if anywhere."""

    version: str
    files: tuple[File, ...]
    marker: str | None


@implementer(IResolver)
@define(kw_only=True)
class ResolverInMemory:
    """`asked` keeps the questions.  In place of an answer `raising` is raised, or `saying` is said.

    `before` is awaited first, if it is there.
    """

    page: GetPage
    metadata: GetMetadata
    asked: list[Question] = field(factory=list)
    raising: Exception | None = None
    saying: str | None = None
    before: Callable[[Question], Awaitable[None]] | None = None

    @classmethod
    def over(cls, pages: Mapping[str, Page], requires: Mapping[str, tuple[str, ...]] | None = None) -> ResolverInMemory:
        """Of these pages by project; `requires`: by filename, the requirements that the file states."""
        stated = requires or {}

        async def page(project: ProjectName, question: Question) -> Page:
            if project not in pages:
                raise ProjectAbsent(project=project)
            return pages[project]

        async def metadata(file: File, question: Question) -> bytes:
            lines = ["Metadata-Version: 2.1", "Name: x", "Version: 1"]
            lines += [f"Requires-Dist: {one}" for one in stated.get(file.filename, ())]
            return "\n".join(lines).encode()

        return cls(page=page, metadata=metadata)

    @classmethod
    def of(cls, parts: Parts) -> ResolverInMemory:
        """Of what a node shows: by its pages and sidecars, from the store alone where the question is local."""
        return cls.within(lambda: parts)

    @classmethod
    def within(cls, parts: Callable[[], Parts]) -> ResolverInMemory:
        """The same of a node that is still to be put together, with this resolver as a part."""

        async def page(project: ProjectName, question: Question) -> Page:
            return (await parts().pages.shown(project, Ask(local=question.is_local))).page

        async def metadata(file: File, question: Question) -> bytes:
            ask = Ask(local=question.is_local)
            return (await parts().sidecars.sidecar(identity_of(file), file.filename, ask)).data

        return cls(page=page, metadata=metadata)

    async def resolve(self, question: Question) -> str:
        self.asked.append(question)
        if self.before is not None:
            await self.before(question)
        if self.raising is not None:
            raise self.raising
        if self.saying is not None:
            return self.saying
        bounds = list(map(_requirement, question.constraints))
        roots = list(map(_requirement, question.requirements))
        known = roots
        for _ in range(ROUNDS):
            chosen: dict[ProjectName, Chosen] = {}
            for name in dict.fromkeys(normalise(one.name) for one in known):
                chosen[name] = await self._newest(name, known, bounds, question)
            wanted = [*roots, *([] if question.no_deps else await self._required(chosen, known, question))]
            wanted = [one for one in wanted if _holds(one, question.target)]
            if set(map(str, wanted)) == set(map(str, known)):
                return _pylock(chosen)
            known = wanted
        raise Unresolvable(words="No solution found: it goes round in circles.")

    async def _newest(
        self, name: ProjectName, known: list[Requirement], bounds: list[Requirement], question: Question
    ) -> Chosen:
        mine = [one for one in known if normalise(one.name) == name]
        limits = [one.specifier for one in (*mine, *bounds) if normalise(one.name) == name]
        specifier = SpecifierSet(",".join(filter(None, map(str, limits))))
        try:
            page = await self.page(name, question)
        except (ProjectAbsent, NotStored):
            raise Unresolvable(words=f"Because {name} was not found in the package registry, no way.") from None
        releases: dict[Version, list[File]] = {}
        for file in page.files:
            version = version_in(file.filename, name)
            if version is not None and (question.sdists or file.filename.endswith(".whl")):
                releases.setdefault(Version(version), []).append(file)
        fitting = [
            version
            for version in specifier.filter(releases)
            if not all(file.yanked for file in releases[version]) or f"=={version}" in str(specifier)
        ]
        if not fitting:
            raise Unresolvable(words=f"Because there is no version of {name}{specifier}, no way.")
        version = max(fitting)
        markers = {str(one.marker) if one.marker is not None else None for one in mine}
        is_bound = question.target is None and None not in markers
        marker = " or ".join(sorted(map(str, markers))) if is_bound else None
        return Chosen(version=str(version), files=tuple(releases[version]), marker=marker)

    async def _required(
        self, chosen: Mapping[ProjectName, Chosen], known: list[Requirement], question: Question
    ) -> list[Requirement]:
        found = []
        for name, release in chosen.items():
            extras = {extra for one in known if normalise(one.name) == name for extra in one.extras}
            best = min(release.files, key=lambda file: not file.filename.endswith(".whl"))
            read = Metadata.from_email(await self.metadata(best, question), validate=False)
            found += [bare for one in read.requires_dist or () for bare in _of_extras(one, extras)]
        return found


def pages_of(**filenames: tuple[str, ...]) -> dict[str, Page]:
    """Pages by project (`_` for `-`), each of files with these names."""
    named = {name.replace("_", "-"): names for name, names in filenames.items()}
    return {name: page_of(name, *map(file_of, names)) for name, names in named.items()}


def _requirement(line: str) -> Requirement:
    return Requirement(line.partition(" --hash")[0])


def _of_extras(requirement: Requirement, extras: set[str]) -> Iterator[Requirement]:
    """A requirement as it counts with these extras; one of another extra does not."""
    marker = requirement.marker
    if marker is None or "extra" not in str(marker):
        yield requirement
        return
    names = {canonicalize_name(extra) for extra in extras}
    if any(marker.evaluate({"extra": name}) for name in names):
        bare = Requirement(str(requirement))
        bare.marker = None
        yield bare


def _holds(requirement: Requirement, target: Target | None) -> bool:
    if requirement.marker is None or target is None:
        return True
    platform = next((name for word, name in _SYSTEMS.items() if word in target.platform), "linux")
    minor = ".".join(target.python.split(".")[:2])
    environment = {**default_environment(), "python_version": minor, "sys_platform": platform}
    environment["python_full_version"] = target.python if target.python.count(".") == 2 else f"{minor}.0"
    return requirement.marker.evaluate({**environment, "extra": ""})


_SYSTEMS = {"windows": "win32", "darwin": "darwin", "macos": "darwin"}


def _pylock(chosen: Mapping[ProjectName, Chosen]) -> str:
    lines = ['lock-version = "1.0"', 'created-by = "a test"']
    for name, release in sorted(chosen.items()):
        lines += ["[[packages]]", f"name = {json.dumps(name)}", f"version = {json.dumps(release.version)}"]
        if release.marker is not None:
            lines.append(f"marker = {json.dumps(release.marker)}")
        lines += [f"sdist = {_file(file)}" for file in release.files if not file.filename.endswith(".whl")][:1]
        wheels = [_file(file) for file in release.files if file.filename.endswith(".whl")]
        lines += [f"wheels = [{', '.join(wheels)}]"] if wheels else []
    return "\n".join(lines) + "\n"


def _file(file: File) -> str:
    hashes = ", ".join(f"{name} = {json.dumps(value)}" for name, value in file.hashes.items())
    size = "" if file.size is None else f", size = {file.size}"
    url = f"http://127.0.0.1/files/{identity_of(file).segment}/{file.filename}"
    return f"{{ url = {json.dumps(url)}{size}, hashes = {{ {hashes} }} }}"


def resolved(resolver: ResolverInMemory, *requirements: str, target: Target | None = None) -> str:
    """The answer to these requirements, as one of pages in memory has it at once."""
    return result_of(resolver.resolve(Question(requirements=requirements, target=target)))
