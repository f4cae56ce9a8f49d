"""Whose files are: what becomes known of one may concern another project than the one that it was found for."""

from __future__ import annotations

from collections.abc import Iterable

from tiercache.interfaces import METADATA, ICatalogue
from tiercache.simple.model import FileIdentity, ProjectName


def owners_of(names: Iterable[FileIdentity], catalogue: ICatalogue) -> set[ProjectName]:
    """The projects of the files that go by these names, and are stored or have their core metadata kept.

    Pages of several may list the same bytes.  To be asked before any of that changes hands.
    """
    names = tuple(names)
    found = [*map(catalogue.file, names), *(catalogue.attachment(name, METADATA) for name in names)]
    return {one.project for one in found if one is not None}
