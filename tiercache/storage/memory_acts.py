"""Acts and deleted files in memory: what `MemoryCatalogue` keeps of them, as `ICatalogue` says."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from tiercache.interfaces import DeletedFile
from tiercache.policy.acts import Act, NewAct
from tiercache.simple.model import ProjectName


@define(kw_only=True, eq=False)
class MemoryActs:
    """The acts, and what is deleted."""

    _acts: list[Act] = field(factory=list, init=False)
    _deleted: dict[tuple[ProjectName, str], DeletedFile] = field(factory=dict, init=False)

    def append(self, acts: Sequence[NewAct], at: float) -> None:
        """As `ICatalogue.append_acts`."""
        for act in acts:
            self._acts.append(Act.of(act, number=len(self._acts) + 1, at=at))

    def acts(self, project: ProjectName | None, since: int | None, most: int) -> list[Act]:
        """As `ICatalogue.acts`."""
        found = [act for act in self._acts if project in (None, act.project)]
        if since is None:
            return found[max(0, len(found) - most) :]
        return [act for act in found if act.number > since][:most]

    def put(self, file: DeletedFile) -> None:
        """Note what is known of a deleted file."""
        self._deleted[file.project, file.listing.filename] = file

    def forget(self, project: ProjectName, filename: str) -> None:
        """It is deleted no longer."""
        self._deleted.pop((project, filename), None)

    def more_rows(self, project: ProjectName, deleted: Sequence[DeletedFile], restored: Sequence[str]) -> int:
        """How many more files are noted as deleted after such a change."""
        before = set(self._deleted)
        gone = before - {(project, filename) for filename in restored}
        return len(gone | {(file.project, file.listing.filename) for file in deleted}) - len(before)

    def deleted(self, project: ProjectName, filename: str) -> DeletedFile | None:
        """As `ICatalogue.deleted`."""
        return self._deleted.get((project, filename))

    def deleted_of(self, project: ProjectName) -> list[DeletedFile]:
        """As `ICatalogue.deleted_of`."""
        return [self._deleted[key] for key in sorted(self._deleted) if key[0] == project]

    def deleted_until(self, at: float, most: int) -> list[DeletedFile]:
        """As `ICatalogue.deleted_until`."""
        found = [(file.at, key) for key, file in self._deleted.items() if file.is_kept and file.at <= at]
        return [self._deleted[key] for _, key in sorted(found)[:most]]
