"""What an archive says of itself, and whether it is safe to unpack: by everyone who installs from this node.

Nothing is ever unpacked, and memory is bounded whatever the archive holds.  Blocking: it is called in the pool.
"""

from __future__ import annotations

from typing import BinaryIO

from attrs import frozen

from tiercache.simple.model import ProjectName
from tiercache.simple.names import FilenameKind


@frozen(kw_only=True)
class ArchiveFacts:
    """What a wheel's METADATA or an sdist's PKG-INFO says, all validated.

    `core_metadata` is that file, byte for byte.  `sidecar` is what may be shown as the core metadata of the archive
    (PEP 658): None where it is not what an installer would find (PEP 643).
    """

    kind: FilenameKind
    project: ProjectName
    version: str
    core_metadata: bytes
    sidecar: bytes | None
    requires_python: str | None = None
    requires_dist: tuple[str, ...] = ()


def read_archive(archive: BinaryIO, filename: str) -> ArchiveFacts:
    """Read and check all of a wheel or sdist, which goes by `filename`.  Blocking.

    Raises ArchiveRefused for one that is damaged, dangerous, or none; FilenameRefused.
    """
    raise NotImplementedError
