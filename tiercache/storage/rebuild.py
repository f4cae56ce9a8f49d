"""The hosted part of a catalogue, made anew of the files of a store and the records beside them.

A blocking loop over the two interfaces, for when the catalogue was lost (`tiercache fsck --rebuild`, and the start of a
node whose catalogue is new while its store is not).  No node may run on the store meanwhile; the catalogue must write
on the spot.  What the records say counts, whatever the catalogue said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import define, evolve, field
from msgspec.structs import replace

from tiercache.cache.hosted_bytes import hosted_attachment, hosted_record
from tiercache.cache.wheel import metadata_in
from tiercache.errors import SidecarUnavailable
from tiercache.interfaces import METADATA, PROVENANCE, Attachment, DeletedFile, ICatalogue, IFiles, NewChange
from tiercache.policy.acts import NewAct
from tiercache.policy.news import NAMED, PAGE, RELEASED
from tiercache.simple.model import File, FileIdentity, Page, ProjectName
from tiercache.simple.names import candidate_projects
from tiercache.simple.records import (
    HostedFile,
    HostedProject,
    RecordedAct,
    RecordUnusable,
    dump_record,
    load_file,
    load_project,
)
from tiercache.simple.stored import dump_page, load_page
from tiercache.storage.settled import settled


def rebuild(files: IFiles, catalogue: ICatalogue, *, now: float, report: Callable[[str], None]) -> int:
    """Make pages, records, attachments, acts and deleted files what the records beside the files say.

    A hosted file without a record gets one of what the catalogue knows.  `report` hears of what is not sound; returns
    how many such things there were.  Raises StoreFailed.
    """
    return _Rebuild(files=files, catalogue=catalogue, now=now, tell=report).run()


@define(kw_only=True, eq=False)
class _Rebuild:
    _files: IFiles
    _catalogue: ICatalogue
    _now: float
    _tell: Callable[[str], None]
    _flaws: int = field(default=0, init=False)
    _acts: list[tuple[float, NewAct]] = field(factory=list, init=False)

    def run(self) -> int:
        for project in list(self._catalogue.hosted_names()):
            self._record_what_has_no_record(project)
        for project in list(self._files.records.projects()):
            self._rebuild(project)
        if not self._catalogue.acts(None, None, 1):
            for at, act in sorted(self._acts, key=lambda done: done[0]):
                settled(self._catalogue.append_acts([act], at))
        return self._flaws

    def _rebuild(self, project: ProjectName) -> None:
        whole = self._project(project)
        records = sorted(self._records(project), key=lambda record: (record.position, record.filename))
        for record in records:
            if record.deleted_at is None:
                self._keep(project, record)
        page = Page(
            project=project,
            files=tuple(record.listing() for record in records if record.deleted_at is None),
            status=whole.status,
        )
        body = dump_page(page) if whole.is_hosted or page.files else None
        deleted = [_deleted(project, record) for record in records if record.deleted_at is not None]
        for file in deleted:
            self._hide(file)
        before, was_deleted = self._catalogue.hosted(project), list(self._catalogue.deleted_of(project))
        if (body, deleted) != (before, was_deleted):
            what = PAGE if before is not None and body is not None else NAMED if body is not None else RELEASED
            settled(
                self._catalogue.store_hosted(
                    project,
                    body,
                    [NewChange(project=project, what=what)],
                    self._now,
                    (),
                    deleted,
                    [file.listing.filename for file in was_deleted],
                )
            )
        self._note(project, "", whole.acts)
        for record in records:
            self._note(project, record.filename, record.acts)

    def _note(self, project: ProjectName, filename: str, done: Sequence[RecordedAct]) -> None:
        for act in done:
            told = NewAct(what=act.what, project=project, filename=filename, by=act.by, detail=act.detail)
            self._acts.append((act.at, told))

    # -- what is read -----------------------------------------------------------------------------------------

    def _project(self, project: ProjectName) -> HostedProject:
        data = self._files.records.read(project, "")
        try:
            # Without one, and with one that says nothing, its name is taken: private, it is to be nobody else's.
            return load_project(data) if data is not None else HostedProject(project=project)
        except RecordUnusable as error:
            self._flaw(f"The record of {project}: {error}")
            return HostedProject(project=project)

    def _records(self, project: ProjectName) -> Iterator[HostedFile]:
        for filename in self._files.records.filenames(project):
            try:
                record = load_file(self._files.records.read(project, filename) or b"")
                if (record.project, record.filename) != (project, filename):
                    raise RecordUnusable(reason=f"it is of {record.filename} of {record.project}")
            except RecordUnusable as error:
                self._flaw(f"The record of {filename} of {project}: {error}")
            else:
                yield record

    # -- what is written --------------------------------------------------------------------------------------

    def _keep(self, project: ProjectName, record: HostedFile) -> None:
        if self._files.size(record.sha256) != record.size:
            self._flaw(f"{record.filename} of {project} was published here and is lost: publish it again")
            return
        identity = FileIdentity("sha256", record.sha256)
        if project not in candidate_projects(record.filename):
            settled(self._catalogue.note_odd_file(identity, project))
        known = self._catalogue.file(identity)
        wanted = hosted_record(project, record.listing(), at=record.uploaded_at)
        if known is None or evolve(wanted, used_at=known.used_at, pinned=known.pinned) != known:
            settled(self._catalogue.store_file(wanted))
        for kind, data in record.attachments.items():
            settled(self._catalogue.store_attachment(hosted_attachment(project, record.sha256, kind, data)))
        if record.filename.endswith(".whl"):
            settled(self._catalogue.store_attachment(self._sidecar(project, record)))

    def _sidecar(self, project: ProjectName, record: HostedFile) -> Attachment:
        try:
            with self._files.open(record.sha256) as archive:
                data = metadata_in(archive, record.filename, project)
        except SidecarUnavailable:
            return Attachment(
                identity=FileIdentity("sha256", record.sha256),
                project=project,
                kind=METADATA,
                sha256="",
                data=None,
                made=True,
            )
        return evolve(hosted_attachment(project, record.sha256, METADATA, data), made=True)

    def _hide(self, file: DeletedFile) -> None:
        """What may be restored is nobody else's to evict."""
        identity = FileIdentity("sha256", file.sha256)
        size_bytes = self._files.size(file.sha256)
        if file.is_kept and size_bytes is not None and self._catalogue.file(identity) is None:
            listing = replace(file.listing, size=size_bytes)
            settled(self._catalogue.store_file(hosted_record(file.project, listing, at=file.at)))

    def _record_what_has_no_record(self, project: ProjectName) -> None:
        body = self._catalogue.hosted(project)
        page = load_page(body) if body is not None else Page(project=project)
        there = set(self._files.records.filenames(project))
        if self._files.records.read(project, "") is None:
            record = HostedProject(project=project, status=page.status)
            self._files.records.write(project, "", dump_record(record))
        for position, file in enumerate(page.files, 1):
            if file.filename not in there:
                self._files.records.write(project, file.filename, dump_record(self._new(project, file, position)))

    def _new(self, project: ProjectName, file: File, position: int) -> HostedFile:
        identity = FileIdentity("sha256", file.hashes["sha256"])
        known = self._catalogue.file(identity)
        found = ((kind, self._catalogue.attachment(identity, kind)) for kind in (METADATA, PROVENANCE))
        return HostedFile.of(
            project,
            file,
            size=file.size or 0,
            position=position,
            at=known.stored_at if known is not None else 0.0,
            by="",
            attachments={
                kind: attachment.data
                for kind, attachment in found
                if attachment is not None and attachment.data is not None and not attachment.made
            },
        )

    def _flaw(self, sentence: str) -> None:
        self._flaws += 1
        self._tell(sentence)


def _deleted(project: ProjectName, record: HostedFile) -> DeletedFile:
    return DeletedFile(
        project=project,
        listing=record.listing(),
        sha256=record.sha256,
        at=record.deleted_at or 0.0,
        is_kept=record.is_kept,
    )
