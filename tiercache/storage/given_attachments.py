"""Attachments that were given to a catalogue and are not written yet: they are read all the same."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred

from tiercache.interfaces import Attachment
from tiercache.simple.model import FileIdentity, ProjectName

Key = tuple[FileIdentity, str]
"""A file, and the kind of what belongs to it."""


@define(eq=False)
class GivenAttachments:
    """By file and kind; None stands for one that was forgotten, and is still there."""

    _given: dict[Key, Attachment | None] = field(factory=dict, init=False)

    def __contains__(self, key: Key) -> bool:
        return key in self._given

    def __getitem__(self, key: Key) -> Attachment | None:
        return self._given[key]

    def __len__(self) -> int:
        return len(self._given)

    def give(self, key: Key, attachment: Attachment | None, writing: Deferred[None]) -> Deferred[None]:
        """Let this be read until `writing` has ended, or something else was given."""
        self._given[key] = attachment

        def ended(result: None) -> None:
            if key in self._given and self._given[key] is attachment:
                del self._given[key]
            return result

        return writing.addBoth(ended)

    def of(self, project: ProjectName) -> list[Key]:
        """What was given of a project."""
        return [key for key, given in self._given.items() if given is not None and given.project == project]

    def amend(self, digests: dict[FileIdentity, str | None], project: ProjectName, kind: str) -> None:
        """Let what is written of a project be as it is going to be."""
        for (identity, of_kind), given in self._given.items():
            if of_kind == kind and given is None:
                digests.pop(identity, None)
            elif given is not None and (of_kind, given.project) == (kind, project):
                digests[identity] = None if given.data is None else given.sha256
