"""What a stored file says of itself: METADATA of a wheel, PKG-INFO of an sdist.  Blocking, for the pool."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from tiercache.cache.sdist import pkg_info_in
from tiercache.cache.wheel import metadata_in
from tiercache.errors import FileAbsent, SidecarUnavailable
from tiercache.interfaces import FileRecord, IFiles
from tiercache.policy.direct_urls import direct_url_requirements, reliable_direct_urls
from tiercache.simple.model import ProjectName


def is_wheel(filename: str) -> bool:
    """Whether a file has core metadata that counts as it stands."""
    return filename.endswith(".whl")


def is_sdist(filename: str) -> bool:
    """Whether a file has PKG-INFO, as the sdists of today have."""
    return filename.endswith(".tar.gz")


def metadata_of(files: IFiles, record: FileRecord) -> bytes:
    """The METADATA of a stored wheel.  Raises SidecarUnavailable; FileAbsent if the store has not all of its bytes."""
    if files.size(record.sha256) != record.size_bytes:
        # What is left of a file that lost bytes says nothing of the file.
        raise FileAbsent(filename=record.listing.filename)
    with files.open(record.sha256) as archive:
        return metadata_in(archive, record.listing.filename, record.project)


def direct_urls_in(open_it: Callable[[], BinaryIO], filename: str, project: ProjectName) -> tuple[str, ...] | None:
    """The requirements with URLs of a wheel or sdist; None where it cannot be told, or only by a build.

    Raises what `open_it` does: FileAbsent.
    """
    try:
        with open_it() as archive:
            if is_wheel(filename):
                return direct_url_requirements(metadata_in(archive, filename, project))
            if is_sdist(filename):
                return reliable_direct_urls(pkg_info_in(archive, filename))
    except SidecarUnavailable:
        return None
    return None
