"""What builds an sdist: the requirements that stand in its pyproject.toml (PEP 518)."""

from __future__ import annotations

from attrs import define

from tiercache.cache.sdist import pyproject_in
from tiercache.errors import FileAbsent, SidecarUnavailable
from tiercache.interfaces import FileRecord, IFiles, Pool
from tiercache.policy.foreign_toml import read_toml
from tiercache.prefetch.inputs.gathering import NotTaken
from tiercache.prefetch.inputs.pyproject import LEGACY_BUILD, build_requirements
from tiercache.prefetch.inputs.requirement import requirement_line

MOST = 1_000
"""Requirements of one build that are looked at: real ones have a handful."""

WITHOUT_A_WORD = (LEGACY_BUILD,)
"""What builds an sdist that does not say (PEP 517)."""


@define(kw_only=True)
class Building:
    """Looks into stored sdists."""

    _stored_files: IFiles
    _pool: Pool

    async def requirements(self, record: FileRecord) -> tuple[str, ...]:
        """What a stored sdist is built with; none where it cannot be read, as what cannot be read cannot be built."""
        return await self._pool(self._read, record)

    def _read(self, record: FileRecord) -> tuple[str, ...]:
        filename = record.listing.filename
        if not filename.endswith(".tar.gz"):
            return WITHOUT_A_WORD
        try:
            with self._stored_files.open(record.sha256) as archive:
                return what_builds(pyproject_in(archive, filename))
        except (FileAbsent, SidecarUnavailable):
            return ()


def what_builds(pyproject: bytes | None) -> tuple[str, ...]:
    """The requirements of a build by a pyproject.toml, None: there is none.  What is no plain requirement is left out.

    What a backend asks for beyond them, once it runs, nobody knows who does not run it.
    """
    try:
        required = build_requirements(read_toml((pyproject or b"").decode()))
    except NotTaken:  # its `[build-system]` says nothing
        return WITHOUT_A_WORD
    except ValueError:  # no TOML, or no text
        return ()
    return tuple(dict.fromkeys(line for one in required[:MOST] if (line := _plain(one)) is not None))


def _plain(text: object) -> str | None:
    try:
        return requirement_line(text) if isinstance(text, str) else None
    except NotTaken:
        return None
