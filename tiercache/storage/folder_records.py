"""The records beside hosted files, in the folder of a store.

    <root>/hosted/<project>.json               the project's own
    <root>/hosted/<project>/<filename>.json    that of a file; with too long a name  <project>/long/<filename>

Written beside (`partial`), synced, and renamed, so that there is one whole record under a name or none.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from attrs import define
from zope.interface import implementer

from tiercache.errors import InvalidName
from tiercache.interfaces import IRecords
from tiercache.simple.model import ProjectName
from tiercache.simple.names import checked_filename, is_normal
from tiercache.storage.folder_sync import names_in, sync, sync_folder
from tiercache.storage.root import meaning

_ENDING = ".json"
_LONGEST_BYTES = 255 - len(_ENDING)
_LONG = "long"


@implementer(IRecords)
@define(kw_only=True, eq=False)
class FolderRecords:
    """`IRecords` below the folder `root` of a store."""

    _root: Path

    def write(self, project: ProjectName, filename: str, data: bytes) -> None:
        path = self._path(project, filename)
        beside = self._root / "partial" / secrets.token_hex(16)
        try:
            beside.parent.mkdir(exist_ok=True)
            try:
                with beside.open("xb") as written:
                    written.write(data)
                    written.flush()
                    sync(written.fileno())
                path.parent.mkdir(parents=True, exist_ok=True)
                beside.replace(path)
            except BaseException:
                with suppress(OSError):
                    beside.unlink()
                raise
            self._sync_above(path)
        except OSError as error:
            raise meaning(self._root, error) from error

    def read(self, project: ProjectName, filename: str) -> bytes | None:
        try:
            return self._path(project, filename).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise meaning(self._root, error) from error

    def remove(self, project: ProjectName, filename: str) -> None:
        path = self._path(project, filename)
        try:
            path.unlink()
            self._sync_above(path)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise meaning(self._root, error) from error

    def projects(self) -> list[ProjectName]:
        names = {name.removesuffix(_ENDING) for name in names_in(self._hosted)}
        return sorted(ProjectName(name) for name in names if is_normal(name) and self._has_any(ProjectName(name)))

    def filenames(self, project: ProjectName) -> list[str]:
        folder = self._hosted / project
        named = [name.removesuffix(_ENDING) for name in names_in(folder) if name.endswith(_ENDING)]
        return sorted([*named, *names_in(folder / _LONG)])

    @property
    def _hosted(self) -> Path:
        return self._root / "hosted"

    def _has_any(self, project: ProjectName) -> bool:
        return self._path(project, "").exists() or bool(self.filenames(project))

    def _path(self, project: ProjectName, filename: str) -> Path:
        if not is_normal(project):
            raise InvalidName(name=project)
        if not filename:
            return self._hosted / f"{project}{_ENDING}"
        checked_filename(filename)
        if len(os.fsencode(filename)) > _LONGEST_BYTES:
            return self._hosted / project / _LONG / filename
        return self._hosted / project / f"{filename}{_ENDING}"

    def _sync_above(self, path: Path) -> None:
        """Make its name durable, and those of the folders that it is in."""
        folder = path.parent
        while folder != self._root:
            sync_folder(folder)
            folder = folder.parent
        sync_folder(self._root)
