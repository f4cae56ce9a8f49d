"""What documents ask for, whatever their format."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from tiercache.simple.model import ProjectName
from tiercache.wire.prefetch import Unparseable


@frozen(kw_only=True)
class LockedFile:
    """A file that a lock names.  `hashes` by algorithm; `filename` None where a lock gives digests alone."""

    filename: str | None
    hashes: Mapping[str, str]
    size: int | None = None


@frozen(kw_only=True)
class LockedRelease:
    """A release that a lock names, taken as it is.

    `version` is normalised.  `marker`: for which environments (PEP 508), None for all; extras and groups are decided
    already.  `files` none: any of the release's, as the lock gives no digests.
    """

    project: ProjectName
    version: str
    marker: str | None = None
    requires_python: str | None = None
    files: tuple[LockedFile, ...] = ()


@frozen(kw_only=True)
class Inputs:
    """What is to be resolved (lines as in `interfaces.resolver.Question`), what is locked, and what was not taken.

    `build_requirements`: lines too, of what builds the projects that the documents describe.
    """

    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    build_requirements: tuple[str, ...] = ()
    locked: tuple[LockedRelease, ...] = ()
    unparseable: tuple[Unparseable, ...] = ()
