"""What an archive says of itself, and whether it is safe to unpack: by everyone who installs from this node.

Nothing is ever unpacked to anywhere, and memory is bounded whatever the archive holds.  All of it is read, so that
nothing damaged is published.  Blocking: it is called in the pool.
"""

from __future__ import annotations

import os
import zipfile
from typing import BinaryIO

from attrs import frozen
from packaging.version import InvalidVersion, Version

from tiercache.cache import wheel
from tiercache.cache.wheel import METADATA_BYTES, BoundedArchive, metadata_in
from tiercache.errors import ArchiveRefused, InvalidName, SidecarUnavailable
from tiercache.publish import tar_archive
from tiercache.publish.core_metadata import read_core_metadata
from tiercache.publish.filename import published_filename
from tiercache.publish.members import Members, UnfitArchive
from tiercache.publish.tar_archive import read_tar_gz
from tiercache.publish.wording import said, shown
from tiercache.publish.zip_archive import check_zip
from tiercache.simple.model import ProjectName
from tiercache.simple.names import Filename, FilenameKind, normalise

METADATA, PKG_INFO = "METADATA", "PKG-INFO"

_IN_WHEEL = ("METADATA", "RECORD", "WHEEL")  # PEP 427


@frozen(kw_only=True)
class ArchiveFacts:
    """What a wheel's METADATA or an sdist's PKG-INFO says, all validated.

    `core_metadata` is that file, byte for byte.  `sidecar` is what may be shown as the core metadata of the archive
    (PEP 658): None where it is not what an installer would find (PEP 643).  `version` is normalised (PEP 440).
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
    read = published_filename(filename)
    try:
        data = _wheel_metadata(archive, read) if read.kind is FilenameKind.WHEEL else _sdist_metadata(archive, filename)
        metadata = read_core_metadata(data, METADATA if read.kind is FilenameKind.WHEEL else PKG_INFO)
    except (UnfitArchive, SidecarUnavailable) as error:
        raise ArchiveRefused(filename=filename, reason=error.reason) from None
    except (*wheel.UNREADABLE, *tar_archive.UNREADABLE) as error:
        raise ArchiveRefused(filename=filename, reason=f"it cannot be read: {said(error)}") from error
    return ArchiveFacts(
        kind=read.kind,
        project=metadata.project,
        version=metadata.version,
        core_metadata=data,
        sidecar=data if read.kind is FilenameKind.WHEEL or metadata.is_reliable else None,
        requires_python=metadata.requires_python,
        requires_dist=metadata.requires_dist,
    )


def _wheel_metadata(archive: BinaryIO, read: Filename) -> bytes:
    members = Members(packed_bytes=_size_of(archive))
    check_zip(archive, members)
    folders = sorted(top for top in members.tops if top.endswith(".dist-info"))
    if len(folders) != 1:
        raise UnfitArchive(f"it has {len(folders)} .dist-info folders, not one")
    if not _is_of(folders[0], read):
        raise UnfitArchive(f"its folder {shown(folders[0])} is not of {read.project} {read.version}")
    for name in _IN_WHEEL:
        if f"{folders[0]}/{name}" not in members.files:
            raise UnfitArchive(f"it has no {name} in its .dist-info folder")
    if read.project is None:
        raise UnfitArchive("its filename tells no project")
    return metadata_in(archive, read.text, read.project)


def _sdist_metadata(archive: BinaryIO, filename: str) -> bytes:
    members = Members(packed_bytes=_size_of(archive))
    data: bytes | None = None
    if filename.endswith(".zip"):
        check_zip(archive, members)
        data = _pkg_info_in(archive, members)
    else:
        data = read_tar_gz(archive, members, PKG_INFO, METADATA_BYTES)
    if len(members.tops) != 1:
        raise UnfitArchive(f"it has {len(members.tops)} folders at its top, not one")  # PEP 625
    if data is None:
        raise UnfitArchive(f"it has no {PKG_INFO} in its top folder")
    return data


def _pkg_info_in(archive: BinaryIO, members: Members) -> bytes | None:
    path = f"{min(members.tops, default='')}/{PKG_INFO}"
    if path not in members.files:
        return None
    with zipfile.ZipFile(BoundedArchive(archive=archive)) as directory:
        for info in directory.filelist:
            if info.filename == path and info.file_size <= METADATA_BYTES:
                return directory.read(info)
    raise UnfitArchive(f"its {PKG_INFO} is longer than {METADATA_BYTES} bytes, or written oddly")


def _is_of(folder: str, read: Filename) -> bool:
    """Whether a `.dist-info` folder is of a wheel's project and version (PEP 427, 491)."""
    name, _, version = folder.removesuffix(".dist-info").partition("-")
    try:
        return normalise(name) == read.project and Version(version) == Version(read.version or "")
    except (InvalidName, InvalidVersion, ValueError):
        return False


def _size_of(archive: BinaryIO) -> int:
    return archive.seek(0, os.SEEK_END)
