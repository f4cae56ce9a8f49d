"""The dropped files that are known, of all folders: in memory, and in the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import define, evolve, field

from tiercache.interfaces import DroppedFile, IDropped
from tiercache.policy.dropped import Stamp
from tiercache.simple.model import ProjectName

BEING_TAKEN = Stamp(size_bytes=-1, mtime_ns=0, inode=0)
"""Of a file that is about to be published: nobody knows whether it was, and it is taken again."""


@define(kw_only=True)
class KnownDrops:
    """`index` is what outlives the process."""

    _index: IDropped
    _files: dict[str, DroppedFile] = field(factory=dict, init=False)
    _by_filename: dict[str, set[str]] = field(factory=dict, init=False)

    def load(self, files: Iterable[DroppedFile]) -> None:
        """Begin with what the index has."""
        for file in files:
            self._note(file)

    def at(self, path: str) -> DroppedFile | None:
        """What is known of a path."""
        return self._files.get(path)

    def lying(self) -> Iterator[DroppedFile]:
        """Those that lie where they were."""
        return (file for file in self._files.values() if not file.is_gone)

    def sha256_of(self, project: ProjectName, filename: str) -> str | None:
        """Which bytes a filename has, or had, since it was dropped first."""
        return next((file.sha256 for file in self._named(filename) if file.is_ours and file.project == project), None)

    def is_ours(self, project: ProjectName, filename: str) -> bool:
        """Whether a file is hosted because it was dropped, here or elsewhere."""
        return any(file.is_ours and file.project == project for file in self._named(filename) if not file.is_gone)

    def lies_elsewhere(self, file: DroppedFile) -> bool:
        """Whether the same lies at another path too."""
        return any(
            other.path != file.path and not other.is_gone and other.project == file.project
            for other in self._named(file.filename)
        )

    async def store(self, file: DroppedFile) -> None:
        """Know this of a path from now on; it counts at once.  Raises StoreFailed."""
        self._note(file)
        await self._index.store(file)

    async def forget(self, path: str) -> None:
        """Know nothing of a path.  Raises StoreFailed."""
        file = self._files.pop(path, None)
        if file is not None:
            self._by_filename[file.filename].discard(path)
        await self._index.forget(path)

    async def restore(self, path: str, before: DroppedFile | None) -> None:
        """What was known of a path before.  Raises StoreFailed."""
        await (self.forget(path) if before is None else self.store(before))

    async def gone(self, file: DroppedFile) -> None:
        """It lies there no more; that its name is taken stays known.  Raises StoreFailed."""
        await (self.store(evolve(file, is_gone=True)) if file.is_ours else self.forget(file.path))

    def _named(self, filename: str) -> Iterator[DroppedFile]:
        return (self._files[path] for path in self._by_filename.get(filename, ()))

    def _note(self, file: DroppedFile) -> None:
        before = self._files.get(file.path)
        if before is not None:
            self._by_filename[before.filename].discard(file.path)
        self._files[file.path] = file
        self._by_filename.setdefault(file.filename, set()).add(file.path)
