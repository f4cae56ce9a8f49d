"""Which file of a release an installer takes, by the wheel tags of where it installs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol, TypeVar

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, parse_tag

from tiercache.errors import InvalidName
from tiercache.policy.environments import Environment, TagRanks, markers_of, tags_of
from tiercache.simple.names import FilenameKind, parse_filename
from tiercache.simple.remembered import remembered

MOST_TAGS = 1_000
"""Of one wheel: a compressed tag set (PEP 425) may stand for very many, and no real one has a hundred."""

LONGEST_REMEMBERED = 256
"""Of a specifier, in characters: thousands of files have few of them, and those are short."""

_BUILD = re.compile(r"([0-9]+)(.*)", re.ASCII | re.DOTALL)
MOST_DIGITS = 18
"""Of a build tag's number."""


class _HasFilename(Protocol):
    @property
    def filename(self) -> str: ...


class _Listed(_HasFilename, Protocol):
    @property
    def requires_python(self) -> str | None: ...


NamedFile = TypeVar("NamedFile", bound=_HasFilename)
ListedFile = TypeVar("ListedFile", bound=_Listed)


def best_file(files: Iterable[NamedFile], tags: TagRanks, *, sdists: bool = True) -> NamedFile | None:
    """The file of one release that an installer takes: the best wheel, or else, with `sdists`, its sdist.

    None where it has neither.  Of two wheels of one rank the higher build tag wins; of two of everything the first.
    """
    best: NamedFile | None = None
    best_rank: tuple[int, tuple[int, str]] | None = None
    sdist: NamedFile | None = None
    for file in files:
        rank = wheel_rank(file.filename, tags)
        if rank is not None:
            key = (-rank, _build_of(file.filename))
            if best_rank is None or key > best_rank:
                best, best_rank = file, key
        elif sdist is None and _is_sdist(file.filename):
            sdist = file
    if best is not None:
        return best
    return sdist if sdists else None


def choose(files: Iterable[ListedFile], environment: Environment, *, sdists: bool = True) -> ListedFile | None:
    """`best_file` of those that say that they are for the environment's Python."""
    python = markers_of(environment)["python_full_version"]
    fitting = (file for file in files if takes_python(file.requires_python, python))
    return best_file(fitting, tags_of(environment), sdists=sdists)


def wheel_rank(filename: str, tags: TagRanks) -> int | None:
    """How good a wheel is there, 0 the best; None for one that does not go there, and for what is no wheel."""
    parts = _wheel_parts(filename)
    if parts is None:
        return None
    try:
        found = _tags("-".join(parts[-3:]))
    except ValueError:
        return None
    return min((tags[tag] for tag in found if tag in tags), default=None)


@lru_cache(maxsize=1024)
def _tags(text: str) -> frozenset[Tag]:
    return parse_tag(text, limit=MOST_TAGS)


def takes_python(requires_python: str | None, python: str) -> bool:
    """Whether a `Requires-Python` admits a version; what cannot be read forbids nothing, as installers have it."""
    return not requires_python or _admits(requires_python, python)


@remembered(most=1024, longest=LONGEST_REMEMBERED)
def _admits(requires_python: str, python: str) -> bool:
    try:
        return SpecifierSet(requires_python).contains(python, prereleases=True)
    except InvalidSpecifier:
        return True


def _is_sdist(filename: str) -> bool:
    if filename.endswith(".whl"):  # which is read faster than parsed
        return False
    try:
        return parse_filename(filename).kind is FilenameKind.SDIST
    except InvalidName:
        return False


def _wheel_parts(filename: str) -> list[str] | None:
    stem, dot, ending = filename.rpartition(".")
    parts = stem.split("-")
    return parts if dot and ending.lower() == "whl" and len(parts) in {5, 6} else None


def _build_of(filename: str) -> tuple[int, str]:
    parts = _wheel_parts(filename)
    found = _BUILD.fullmatch(parts[2]) if parts and len(parts) == 6 else None
    if found is None or len(found[1]) > MOST_DIGITS:
        return (-1, "")  # no build tag sorts before any
    return (int(found[1]), found[2])
