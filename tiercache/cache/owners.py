"""Whose stored files are: what becomes known of one may concern another project than the one that it was found for."""

from __future__ import annotations

from collections.abc import Iterable

from tiercache.interfaces import ICatalogue
from tiercache.simple.model import FileIdentity, ProjectName


def owners_of(names: Iterable[FileIdentity], catalogue: ICatalogue) -> set[ProjectName]:
    """The projects of the stored files that go by these names: pages of several may list the same bytes."""
    records = (catalogue.file(name) for name in names)
    return {record.project for record in records if record is not None}
