"""What belongs to files, in the tables of a catalogue: what was given and is not written yet is read all the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from tiercache.interfaces import Attachment
from tiercache.simple.model import FileIdentity, ProjectName
from tiercache.storage import steps
from tiercache.storage.given_attachments import GivenAttachments, Key
from tiercache.storage.group_commit import GroupCommit
from tiercache.storage.recalled import Recalled
from tiercache.storage.rows import Unreadable, unpacked
from tiercache.storage.sqlite import statements
from tiercache.storage.statement import Rows

log = Logger()

RECALLED_BYTES = 8 * 1024
"""Longer ones are read again; most core metadata is shorter."""


@define(kw_only=True, eq=False)
class SqlAttachments:
    """`rows` executes what asks; `seconds` as in `Recalled`."""

    _rows: Callable[..., Rows]
    _changes: GroupCommit
    _seconds: Callable[[], float] | None
    _given: GivenAttachments = field(factory=GivenAttachments, init=False)
    _recalled: Recalled[Key, Attachment] = field(init=False)

    @_recalled.default
    def _nothing_recalled(self) -> Recalled[Key, Attachment]:
        return Recalled(seconds=self._seconds, is_worth_it=_is_short)

    def attachment(self, identity: FileIdentity, kind: str) -> Attachment | None:
        """See `ICatalogue`; so do the others."""
        key = (identity, kind)
        if key in self._given:
            return self._given[key]
        return self._recalled.answer(key, lambda: self._read(identity, kind))

    def _read(self, identity: FileIdentity, kind: str) -> Attachment | None:
        rows = self._rows(statements.ATTACHMENT, algorithm=identity.algorithm, value=identity.value, kind=kind)
        for project, sha256, made, coding, data in rows:
            try:
                plain = None if coding is None else unpacked(coding, data)
            except Unreadable as error:
                log.warn(
                    "The stored {kind} of {name} is damaged: {error}", kind=kind, name=identity.segment, error=error
                )
                continue
            return Attachment(identity=identity, project=project, kind=kind, sha256=sha256, data=plain, made=made)
        return None

    def digests(self, project: ProjectName, kind: str) -> dict[FileIdentity, str | None]:
        digests: dict[FileIdentity, str | None] = {
            FileIdentity(algorithm, value): None if coding is None else sha256
            for algorithm, value, coding, sha256 in self._rows(
                statements.ATTACHMENT_DIGESTS, project=project, kind=kind
            )
        }
        self._given.amend(digests, project, kind)
        return digests

    def store(self, attachment: Attachment) -> Deferred[None]:
        writing = self._changes.submit(partial(steps.store_attachment, attachment), lasting=False)
        return self._submitted((attachment.identity, attachment.kind), attachment, writing)

    def forget(self, identity: FileIdentity, kind: str) -> Deferred[None]:
        writing = self._changes.submit(partial(steps.forget_attachment, identity, kind), lasting=False)
        return self._submitted((identity, kind), None, writing)

    def forget_project(self, project: ProjectName) -> Deferred[None]:
        """With all else that belongs to it."""
        for identity, kind in self._given.of(project):
            self.forget(identity, kind)

        def ended(result: None) -> None:
            self._recalled.forget_all()
            return result

        return self._changes.submit(partial(steps.forget_project, project), lasting=False).addBoth(ended)

    def forget_all(self) -> None:
        """Ask the database again for whatever is asked."""
        self._recalled.forget_all()

    def _submitted(self, key: Key, attachment: Attachment | None, writing: Deferred[None]) -> Deferred[None]:
        return self._given.give(key, attachment, self._recalled.keep_after(key, attachment, writing))


def _is_short(attachment: Attachment | None) -> bool:
    return attachment is None or len(attachment.data or b"") <= RECALLED_BYTES
