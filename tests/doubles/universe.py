"""A made-up universe of projects for a fake index: what depends on what, in which versions, and with which quirks.

`tc-app` is an application whose installation needs every project of the layers.  Archives are made on first demand, in
the folder handed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock

from attrs import define, field, frozen
from packaging.utils import canonicalize_name

from tests.doubles.distributions import Archive, Release, archives

APPLICATION = "tc-app"
EARLY = "2024-06-01T00:00:00Z"
"""Between the uploads of the second and the third version of each project of the layers."""

STRAY = "tc-vivid @ https://elsewhere.invalid/tc_vivid-9.0-py3-none-any.whl"
"""What a release requires that no index has."""

_UPLOADED = ("2024-01-10T08:00:00.000000Z", "2024-04-10T08:00:00.000000Z", "2024-10-10T08:00:00.000000Z")
_LAYER_SIZES = (6, 10, 12, 12, 8)
_WHEEL_BYTES = (12_000, 25_000, 40_000, 60_000, 90_000, 150_000, 250_000, 400_000, 1_000_000, 4_000_000)
_COLOURS = ("amber", "beige", "coral", "denim", "ebony", "fawn", "green", "hazel", "ivory", "jade", "khaki", "lilac")
_SHAPES = ("arch", "bend", "cube", "disc", "edge")


@frozen(kw_only=True)
class Project:
    """A made-up project: `digests` are the algorithms that an index gives for its files, strongest first."""

    name: str
    releases: tuple[Release, ...]
    digests: tuple[str, ...] = ("sha256",)


@frozen(kw_only=True)
class Sizes:
    """The sizes, in bytes, of the wheels that are big on purpose, and how many files the longest page has.

    `listed_files`: for each a project `tc-listed-<number>` with so many files on its page.  `wheels`: so many projects
    (`wheel_names`) of one wheel each, as large as wheels are: most of them small, and most bytes in a few.
    """

    big: int = 40 << 20
    giant: int = 1 << 30
    ancient_files: int = 400
    listed_files: tuple[int, ...] = ()
    wheels: int = 0


@define(kw_only=True)
class Universe:
    """Every project by its normalised name, and its archives, made in `folder` when they are first asked for."""

    folder: Path
    sizes: Sizes = Sizes()
    projects: Mapping[str, Project] = field(init=False)
    _made: dict[str, tuple[Archive, ...]] = field(init=False, factory=dict)
    _lock: Lock = field(init=False, factory=Lock)

    def __attrs_post_init__(self) -> None:
        every = (*_layers(), *_application(), *_quirks(self.sizes))
        self.projects = {canonicalize_name(project.name): project for project in every}

    def archives(self, name: str) -> tuple[Archive, ...]:
        """The archives of a project, oldest version first; a KeyError if there is no such project."""
        project = self.projects[name]
        with self._lock:
            if name not in self._made:
                folder = self.folder / name
                folder.mkdir(parents=True, exist_ok=True)
                self._made[name] = tuple(one for release in project.releases for one in archives(release, folder))
            return self._made[name]

    def archive(self, filename: str) -> Archive:
        """The archive of that filename; a KeyError if there is none."""
        name = canonicalize_name(filename.split("-")[0])
        for one in self.archives(name):
            if one.filename == filename:
                return one
        raise KeyError(filename)

    def wheel(self, name: str, version: str) -> Archive:
        """The wheel of that version of a project."""
        for one in self.archives(name):
            if one.release.version == version and one.metadata is not None:
                return one
        raise KeyError(name)


def layer_names() -> list[list[str]]:
    """The names of the projects that the application needs, layer by layer."""
    return [
        [f"tc-{colour}-{shape}" for colour in _COLOURS[:size]]
        for shape, size in zip(_SHAPES, _LAYER_SIZES, strict=True)
    ]


def wheel_names(count: int) -> list[str]:
    """The names of the first so many of the projects that have one wheel."""
    return [f"tc-wheel-{at}" for at in range(count)]


def _layers() -> Iterator[Project]:
    names = layer_names()
    for depth, layer in enumerate(names):
        below = names[depth + 1] if depth + 1 < len(names) else []
        for place, name in enumerate(layer):
            requires = _requirements(place, len(layer), below)
            if place % 4 == 0:
                requires.append('tc-windows-only>=1.0; sys_platform == "win32"')
            if place % 4 == 1:
                requires.append('tc-old-python; python_version < "3"')
            yield Project(
                name=name,
                releases=tuple(
                    Release(name=name, version=version, requires=tuple(requires), uploaded=uploaded, filler_bytes=2000)
                    for version, uploaded in zip(("1.0", "1.5", "2.0"), _UPLOADED, strict=True)
                ),
            )


def _requirements(place: int, width: int, below: list[str]) -> list[str]:
    """Together a layer requires every project of the layer below, a few of them more than once and with limits."""
    requires = [f"{name}>=1.0" for at, name in enumerate(below) if at % width == place]
    if below:
        other = (place + 3) % len(below)
        requires.append(f"{below[other]}<2" if other % 5 == 0 else f"{below[other]}!=1.0")
    return requires


def _application() -> Iterator[Project]:
    requires = (
        *(f"{name}>=1.0" for name in layer_names()[0]),
        "TC.mixed_case",  # spelled unlike its project, on purpose
        "tc-source-only",
        "tc-forward",
        "tc-recalled",
        "tc-paint[bright]",
    )
    yield Project(
        name=APPLICATION,
        releases=(
            Release(name=APPLICATION, version="0.9", requires=requires[:2], uploaded=_UPLOADED[0]),
            Release(name=APPLICATION, version="1.0", requires=requires, uploaded=_UPLOADED[1]),
        ),
    )


def _quirks(sizes: Sizes) -> Iterator[Project]:
    def plain(name: str, *versions: str, digests: tuple[str, ...] = ("sha256",), filler_bytes: int = 0) -> Project:
        releases = tuple(
            Release(name=name, version=version, uploaded=uploaded, filler_bytes=filler_bytes)
            for version, uploaded in zip(versions, _UPLOADED, strict=False)
        )
        return Project(name=name, releases=releases, digests=digests)

    def wheel_only(name: str, filler_bytes: int) -> Project:
        release = Release(name=name, version="1.0", kinds=("wheel",), filler_bytes=filler_bytes, uploaded=_UPLOADED[0])
        return Project(name=name, releases=(release,))

    yield plain("TC_Mixed.Case", "1.0", "1.1")
    yield plain("tc-windows-only", "1.0")
    yield plain("tc-old-python", "1.0")
    yield plain("tc-vivid", "1.0", "2.0")
    yield plain("tc-md5-only", "1.0", "1.1", digests=("md5",))
    yield plain("tc-blake2-only", "1.0", "1.1", digests=("blake2b",))
    yield plain("tc-many-digests", "1.0", digests=("sha256", "blake2b", "md5"))
    yield plain("tc-undigested", "1.0", digests=())
    yield plain("tc-epoch", "3.0", "1!2.0")
    yield plain("tc-local-build", "1.0", "1.0+made.5")
    yield plain("tc-preview", "1.0", "2.0rc1")
    yield Project(
        name="tc-paint",
        releases=(
            Release(name="tc-paint", version="1.0", extras={"bright": ("tc-vivid>=1.0",)}, uploaded=_UPLOADED[0]),
            Release(
                name="tc-paint",
                version="1.1",
                extras={"bright": ("tc-vivid>=2.0",), "dull": ("tc-preview",)},
                uploaded=_UPLOADED[1],
            ),
        ),
    )
    yield Project(
        name="tc-source-only",
        releases=(
            Release(name="tc-source-only", version="1.0", kinds=("sdist",), uploaded=_UPLOADED[0]),
            Release(name="tc-source-only", version="1.1", kinds=("sdist",), uploaded=_UPLOADED[1]),
        ),
    )
    yield Project(
        name="tc-forward",
        releases=(
            Release(name="tc-forward", version="1.0", uploaded=_UPLOADED[0]),
            Release(name="tc-forward", version="2.0", requires_python=">=3.8,!=3.9.*", uploaded=_UPLOADED[1]),
            Release(name="tc-forward", version="3.0", requires_python=">=3.99", uploaded=_UPLOADED[1]),
        ),
    )
    yield Project(
        name="tc-recalled",
        releases=(
            Release(name="tc-recalled", version="1.0", uploaded=_UPLOADED[0]),
            Release(name="tc-recalled", version="2.0", yanked='breaks "things" & more', uploaded=_UPLOADED[1]),
            Release(name="tc-recalled", version="2.1", yanked=True, uploaded=_UPLOADED[1]),
        ),
    )
    yield Project(
        name="tc-stray",
        releases=(
            Release(name="tc-stray", version="1.0", kinds=("wheel",), uploaded=_UPLOADED[0]),
            Release(name="tc-stray", version="2.0", kinds=("wheel",), requires=(STRAY,), uploaded=_UPLOADED[1]),
        ),
    )
    yield wheel_only("tc-medium", 100_000)
    yield wheel_only("tc-big", sizes.big)
    yield wheel_only("tc-giant", sizes.giant)
    yield _of_many("tc-ancient", sizes.ancient_files)
    for count in sizes.listed_files:
        yield _of_many(f"tc-listed-{count}", count)
    for at, name in enumerate(wheel_names(sizes.wheels)):
        yield wheel_only(name, _WHEEL_BYTES[at % len(_WHEEL_BYTES)])


def _of_many(name: str, count: int) -> Project:
    """A project of so many small wheels, each of another version."""
    return Project(
        name=name,
        releases=tuple(
            Release(name=name, version=f"{at // 20}.{at % 20}", kinds=("wheel",), uploaded=_UPLOADED[0])
            for at in range(1, count + 1)
        ),
    )
