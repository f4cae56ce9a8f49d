"""How a page is shown here: the tier's page, with what this node knows of its files filled in.  Pure.

A stored file's length and SHA-256 are known whatever the tier said; every wheel has a sidecar, since a node makes
one where the tier has none; what is not in the store does not exist locally.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import evolve

from tiercache.interfaces import FileRecord
from tiercache.simple.model import File, FileIdentity, Page, ProjectName
from tiercache.simple.names import identity_of

Attachments = Mapping[FileIdentity, str | None]
"""For each file whose sidecar (or provenance) this node has or knows to be missing: its SHA-256, or None."""


def shown_everywhere(page: Page, records: Iterable[FileRecord], sidecars: Attachments) -> Page:
    """The page of `/simple/`: each file that the tier lists."""
    stored = {identity: record for record in records for identity in record.identities}
    files = (_shown(file, stored.get(identity_of(file)), sidecars) for file in page.files)
    return evolve(page, files=tuple(files))


def shown_locally(
    project: ProjectName,
    page: Page | None,
    records: Iterable[FileRecord],
    sidecars: Attachments,
    provenances: Attachments,
) -> Page:
    """The page of `/local/`: each stored file, as its tier lists it now, or as it last did; and of what belongs to it
    that which is here.

    A file that its tier has withdrawn stays, marked `_withdrawn`; so does every file of a quarantined project.
    """
    stored = sorted(records, key=lambda record: record.stored_at)
    by_identity = {identity: record for record in stored for identity in record.identities}
    files = []
    for listed in page.files if page is not None else ():
        record = by_identity.get(identity_of(listed))
        if record is not None and record.listing.filename == listed.filename:
            files.append(_local(_shown(listed, record, sidecars), record, sidecars, provenances))
    is_quarantined = page is not None and page.status is not None and page.status.status == "quarantined"
    listed_names = {file.filename for file in files}
    # Of several that went by one filename the newest.
    for record in {record.listing.filename: record for record in stored}.values():
        if record.listing.filename not in listed_names:
            shown = _local(_shown(record.listing, record, sidecars), record, sidecars, provenances)
            files.append(evolve(shown, extra={**shown.extra, "_withdrawn": True}) if page is not None else shown)
    if page is None:
        return Page(project=project, files=tuple(files))
    if is_quarantined:  # PEP 792 hides its files from indexes; what is local was fetched before, and stays repeatable
        files = [evolve(file, extra={**file.extra, "_withdrawn": True}) for file in files]
    return evolve(page, files=tuple(files), versions=None, status=None if is_quarantined else page.status)


def names_of(identity: FileIdentity, record: FileRecord | None) -> tuple[FileIdentity, ...]:
    """What a file goes by, in the order in which to look for what belongs to it."""
    return (*record.identities, identity) if record is not None else (identity,)


def _local(file: File, record: FileRecord, sidecars: Attachments, provenances: Attachments) -> File:
    """What only its tier has of it is not offered: clients stop at a sidecar that was, and is not to be had."""
    names = names_of(identity_of(file), record)
    is_made = file.filename.endswith(".whl")  # from the stored wheel
    if not is_made and not any(name in sidecars for name in names):
        file = evolve(file, core_metadata=None)
    return file if any(provenances.get(name) for name in names) else evolve(file, provenance=None)


def _shown(file: File, record: FileRecord | None, sidecars: Attachments) -> File:
    hashes, size, core_metadata = file.hashes, file.size, file.core_metadata
    if record is not None:
        size = record.size_bytes
        hashes = {**hashes, "sha256": record.sha256}
    known = next((name for name in names_of(identity_of(file), record) if name in sidecars), None)
    if known is not None:
        digest = sidecars[known]
        core_metadata = {"sha256": digest} if digest is not None else False
    elif file.filename.endswith(".whl") and (record is not None or not core_metadata):
        core_metadata = True  # made from the wheel when somebody asks for it, which may not be what the tier has
    if (size, hashes, core_metadata) == (file.size, file.hashes, file.core_metadata):
        return file  # pages list thousands: what is as the tier says is not copied
    return evolve(file, hashes=hashes, size=size, core_metadata=core_metadata)
