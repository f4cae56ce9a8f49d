"""Core metadata of sdists for a resolver: the sdist is brought in, and read without being built."""

from __future__ import annotations

from attrs import define

from tiercache.cache.files import Files
from tiercache.cache.sdist import pkg_info_in, pyproject_in
from tiercache.errors import FileAbsent, FileRefused, SidecarUnavailable
from tiercache.interfaces import FileRecord, IFiles, Pool
from tiercache.policy.entry import Ask
from tiercache.policy.sdist_metadata import stated_metadata, undecided
from tiercache.simple.model import FileIdentity, ProjectName
from tiercache.simple.names import parse_filename

MOST_BYTES = 64 * 1024 * 1024
"""A longer sdist is not brought in only to see what it requires."""


@define(kw_only=True)
class SdistMetadata:
    """Tells what sdists require."""

    _files: Files
    _stored_files: IFiles
    _pool: Pool

    async def metadata(self, project: ProjectName, identity: FileIdentity, filename: str, ask: Ask) -> bytes:
        """Core metadata of an sdist of a project; where only a build would tell, some that no resolver takes.

        Raises FileAbsent, NotStored, NoTierAnswered.
        """
        version = parse_filename(filename, project).version or "0"
        if not filename.endswith(".tar.gz"):
            return undecided(project, version, "an sdist of an old kind")
        try:
            record = await self._files.stored(identity, filename) or await self._brought_in(
                project, identity, filename, ask
            )
            if record.project != project:
                raise FileAbsent(filename=filename)
            found = await self._pool(self._read, record)
        except (SidecarUnavailable, FileRefused) as error:
            return undecided(project, version, str(error).replace("\n", " "))
        return found or undecided(project, version, "only a build tells what this sdist requires")

    async def _brought_in(self, project: ProjectName, identity: FileIdentity, filename: str, ask: Ask) -> FileRecord:
        opened = await self._files.open(identity, filename, ask)
        try:
            if opened.project != project:
                raise FileAbsent(filename=filename)
            if opened.size_bytes is not None and opened.size_bytes > MOST_BYTES:
                raise SidecarUnavailable(filename=filename, reason="it is too long to look into")
            body = opened.body(0, None)
            try:
                while await body.read():
                    pass
            finally:
                body.close()
        finally:
            opened.close()
        record = await self._files.settled(identity, filename)
        if record is None:
            raise SidecarUnavailable(filename=filename, reason="the store did not keep it")
        return record

    def _read(self, record: FileRecord) -> bytes | None:
        filename = record.listing.filename
        with self._stored_files.open(record.sha256) as archive:
            pkg_info = pkg_info_in(archive, filename)
        with self._stored_files.open(record.sha256) as archive:
            pyproject = pyproject_in(archive, filename)
        return stated_metadata(pkg_info, pyproject)
