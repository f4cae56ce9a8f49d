"""How a page is shown here: the tier's page, with what this node knows of its files filled in.  Pure.

A stored file's length and SHA-256 are known whatever the tier said; every wheel has a sidecar, since a node makes
one where the tier has none; what is not in the store does not exist locally.  What a tier has withdrawn is shown as
`policy.removed` says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from attrs import evolve, frozen
from msgspec.structs import replace

from tiercache.interfaces import FileRecord
from tiercache.policy.freshness import Removed
from tiercache.policy.removed import Withdrawals, is_quarantined
from tiercache.simple.model import File, FileIdentity, Page, ProjectName
from tiercache.simple.names import identity_of

Attachments = Mapping[FileIdentity, str | None]
"""For each file whose sidecar (or provenance) this node has or knows to be missing: its SHA-256, or None."""


_RESERVED = "_reserved"  # among the other keys of a stored listing


@frozen(kw_only=True)
class Origin:
    """Where a page is from: the tiers whose it is, or who say that there is none.

    `removed`: what becomes of stored files that they offer no more.  `are_nodes`: they say of each wheel whether it
    has a sidecar, since they would have made one.
    """

    tiers: Collection[str] = ()
    removed: Removed = "hide"
    are_nodes: bool = False


UNKNOWN = Origin()


def shown_everywhere(
    page: Page, records: Iterable[FileRecord], sidecars: Attachments, origin: Origin = UNKNOWN
) -> Page:
    """The page of `/simple/`: each file that the tier lists, and what it has withdrawn where the owner wants that.

    A page without files stands for a known absence.  A quarantined project that shows files is none to clients.
    """
    by_age = sorted(records, key=lambda record: record.stored_at)
    stored = {identity: record for record in by_age for identity in record.identities}
    withdrawn = [] if origin.removed == "hide" else list(_withdrawn(page, by_age, sidecars, origin))
    if is_quarantined(page):
        return evolve(page, files=tuple(withdrawn), versions=None, status=None) if withdrawn else page
    files = (_shown(file, stored.get(identity_of(file)), sidecars, origin) for file in page.files)
    return evolve(page, files=(*files, *withdrawn), versions=None if withdrawn else page.versions)


def shown_locally(
    project: ProjectName,
    page: Page | None,
    records: Iterable[FileRecord],
    sidecars: Attachments,
    provenances: Attachments,
    origin: Origin = UNKNOWN,
) -> Page:
    """The page of `/local/`: each stored file, as its tier lists it now, or as it last did; and of what belongs to it
    that which is here.

    `page` None: nothing is known of what the tiers say.  A file that its tier has withdrawn stays, marked; so does
    every file of a quarantined project.
    """
    stored = sorted(records, key=lambda record: record.stored_at)
    by_identity = {identity: record for record in stored for identity in record.identities}
    withdrawals = Withdrawals.of(page, origin.tiers, origin.removed) if page is not None else None
    is_quarantine = withdrawals is not None and withdrawals.is_quarantine
    files: dict[str, File] = {}
    for listed in page.files if page is not None and not is_quarantine else ():
        record = by_identity.get(identity_of(listed))
        if record is not None and record.listing.filename == listed.filename:
            files[listed.filename] = _local(_shown(listed, record, sidecars, origin), record, sidecars, provenances)
    # Of several that went by one filename the newest.
    for filename, record in {record.listing.filename: record for record in stored}.items():
        if filename not in files:
            file = _local(_shown(_as_listed(record), record, sidecars, origin), record, sidecars, provenances)
            is_withdrawn = withdrawals is not None and withdrawals.include(file, record.tier)
            files[filename] = withdrawals.on_local(file, record.tier) if withdrawals and is_withdrawn else file
    if page is None:
        return Page(project=project, files=tuple(files.values()))
    # PEP 792 hides its files from indexes; what is local was fetched before, and stays repeatable.
    status = None if is_quarantine else page.status
    return evolve(page, files=tuple(files.values()), versions=None, status=status)


def of_reserved(listing: File) -> File:
    """A listing to be stored, of a page of a reserved name: files that came before the name was reserved are no others'
    than some index's."""
    return replace(listing, extra={**listing.extra, _RESERVED: True})


def is_of_reserved(record: FileRecord) -> bool:
    """Whether a stored file was listed on a page of a reserved name."""
    return _RESERVED in record.listing.extra


def _as_listed(record: FileRecord) -> File:
    listing = record.listing
    return replace(listing, extra={key: value for key, value in listing.extra.items() if key != _RESERVED})


def names_of(identity: FileIdentity, record: FileRecord | None) -> tuple[FileIdentity, ...]:
    """What a file goes by, in the order in which to look for what belongs to it."""
    return (*record.identities, identity) if record is not None else (identity,)


def _withdrawn(page: Page, by_age: Iterable[FileRecord], sidecars: Attachments, origin: Origin) -> Iterable[File]:
    withdrawals = Withdrawals.of(page, origin.tiers, origin.removed)
    gone = [record for record in by_age if withdrawals.include(record.listing, record.tier)]
    for _, record in sorted({record.listing.filename: record for record in gone}.items()):
        file = withdrawals.on_simple(_shown(_as_listed(record), record, sidecars, origin), record.tier)
        if file is not None:
            yield file


def _local(file: File, record: FileRecord, sidecars: Attachments, provenances: Attachments) -> File:
    """What only its tier has of it is not offered: clients stop at a sidecar that was, and is not to be had."""
    names = names_of(identity_of(file), record)
    is_made = file.filename.endswith(".whl")  # from the stored wheel
    if not is_made and not any(name in sidecars for name in names):
        file = replace(file, core_metadata=None)
    return file if any(provenances.get(name) for name in names) else replace(file, provenance=None)


def _shown(file: File, record: FileRecord | None, sidecars: Attachments, origin: Origin) -> File:
    hashes, size, core_metadata = file.hashes, file.size, file.core_metadata
    if record is not None:
        size = record.size_bytes
        hashes = {**hashes, "sha256": record.sha256}
    known = next((name for name in names_of(identity_of(file), record) if name in sidecars), None)
    if known is not None:
        digest = sidecars[known]
        core_metadata = {"sha256": digest} if digest is not None else False
    elif file.filename.endswith(".whl") and (record is not None or not _has_word(core_metadata, origin)):
        core_metadata = True  # made from the wheel when somebody asks for it, which may not be what the tier has
    if (size, hashes, core_metadata) == (file.size, file.hashes, file.core_metadata):
        return file  # pages list thousands: what is as the tier says is not copied
    return replace(file, hashes=hashes, size=size, core_metadata=core_metadata)


def _has_word(core_metadata: object, origin: Origin) -> bool:
    """Whether the tier's word on a wheel's sidecar is taken: that there is one, and a node's that there is none."""
    return bool(core_metadata) or (origin.are_nodes and core_metadata is False)
