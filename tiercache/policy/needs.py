"""What a release needs, as its core metadata tells, for who installs it: which projects, in which versions.  Pure.

Read for guesses: what cannot be read is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from attrs import frozen
from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement

from tiercache.errors import InvalidName
from tiercache.policy.environments import Environment, markers_of
from tiercache.simple.model import ProjectName
from tiercache.simple.names import normalise

MOST_NEEDS = 300
"""Requirements of one release that are looked at."""

LONGEST_REQUIREMENT = 2000
"""In characters."""

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n|\r\r")
_QUOTED = re.compile(r"[\"']([^\"']+)[\"']")
_REQUIRES = re.compile(rb"^requires-dist[ \t]*:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE)


@frozen(kw_only=True)
class Need:
    """A project that is needed: `specifier` (PEP 440) says in which versions, empty in any; with which `extras`."""

    project: ProjectName
    specifier: str = ""
    extras: frozenset[str] = frozenset()


def needs_of(metadata: bytes, environments: Iterable[Environment], extras: Collection[str] = ()) -> tuple[Need, ...]:
    """What a release needs in any of these environments, with these of its extras; in the order of its metadata.

    What is to come from a URL is left out: no index has it.
    """
    every, wanted = tuple(environments), frozenset(map(_normal_extra, extras))
    found = []
    for requirement in _requirements(metadata):
        if requirement.url is None and _counts(requirement.marker, every, wanted):
            try:
                project = normalise(requirement.name)
            except InvalidName:
                continue
            found.append(
                Need(
                    project=project,
                    specifier=str(requirement.specifier),
                    extras=frozenset(map(_normal_extra, requirement.extras)),
                )
            )
    return tuple(found)


def _requirements(metadata: bytes) -> Iterator[Requirement]:
    end = _END_OF_HEAD.search(metadata)
    head = metadata if end is None else metadata[: end.start()]
    for number, match in enumerate(_REQUIRES.finditer(head)):
        if number == MOST_NEEDS:
            return
        text = match[1].decode("utf-8", "replace")
        requirement = _requirement(" ".join(text.split())) if len(text) <= LONGEST_REQUIREMENT else None
        if requirement is not None:
            yield requirement


@lru_cache(maxsize=4096)
def _requirement(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except (InvalidRequirement, RecursionError):
        return None


def _counts(marker: Marker | None, environments: Iterable[Environment], extras: frozenset[str]) -> bool:
    if marker is None:
        return True
    # To be any other extra is to be none: of many that are wanted a marker names one.
    named = {_normal_extra(text) for text in _QUOTED.findall(str(marker))} & extras if extras else ()
    try:
        return any(
            marker.evaluate({**markers_of(environment), "extra": extra})
            for environment in environments
            for extra in ("", *named)
        )
    except (UndefinedComparison, UndefinedEnvironmentName, RecursionError):
        return False


def _normal_extra(extra: str) -> str:
    return re.sub(r"[-_.]+", "-", extra).lower()
