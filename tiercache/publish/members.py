"""What stands in an archive, member by member: names that stay inside, each once, and no more than is sound.

The bounds are those that the largest of real projects pass (wheels of 4 GB with 10 GB in them, sdists of 50,000
members); each node that installs from here, and each editor's index of its files, would have to cope with more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import define, field

from tiercache.publish.wording import shown

MAX_MEMBERS = 250_000
"""How many members an archive may have, folders included."""

UNPACKED_BYTES = 32 * 1024**3
"""How much an archive may hold."""

ALWAYS_BYTES = 256 * 1024**2
"""How much it may hold however small it is itself: a good many tables and test files shrink to a thousandth."""

MAX_RATIO = 100
"""How many times its own size it may hold above that.  A bomb has several hundred, a real project rarely ten."""

PATH_BYTES = 4096
"""How long the path of a member may be, as for operating systems."""

MAX_DEPTH = 100
"""How many folders deep a member may be."""

PATHS_BYTES = 64 * 1024**2
"""How long all paths of an archive may be together, with those of its folders and `_ENTRY_BYTES` for each."""

_ENTRY_BYTES = 100
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class UnfitArchive(Exception):
    """An archive that is not to be published; `reason` begins in lower case and ends without a full stop."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@define(kw_only=True)
class Members:
    """The members of an archive of `packed_bytes`, as they are found; UnfitArchive for the first that is not to be."""

    packed_bytes: int
    files: set[str] = field(factory=set, init=False)
    _folders: set[str] = field(factory=set, init=False)
    _links: set[str] = field(factory=set, init=False)
    _count: int = field(default=0, init=False)
    _unpacked_bytes: int = field(default=0, init=False)
    _paths_bytes: int = field(default=0, init=False)

    def add_file(self, name: str, size_bytes: int) -> str:
        """A regular file; its path, without what does not count in it."""
        self.count_bytes(size_bytes)
        path = self._new(name)
        self.files.add(path)
        return path

    def add_folder(self, name: str) -> None:
        """A folder; it may be there already."""
        self._count_one()
        segments = _segments(name)
        if segments:
            self._enter("/".join(segments), is_folder=True)

    def add_symbolic_link(self, name: str, target: str) -> None:
        """A link by name, read from where it stands.

        It leads nowhere above its top-level folder.  Its target goes up only at its beginning: what goes up later might
        go up from another link.
        """
        path = self._new(name)
        self._links.add(path)
        steps = _checked(target).rstrip("/").split("/")
        ups = 0
        while ups < len(steps) and steps[ups] in {"..", ".", ""}:
            ups += 1
        climbs = steps[:ups].count("..")
        if ".." in steps[ups:] or climbs > path.count("/") - 1:
            raise UnfitArchive(f"its link {shown(name)} leads out of it")

    def add_hard_link(self, name: str, target: str) -> None:
        """Another name of a file that stands before it."""
        path = self._new(name)
        if "/".join(_segments(target)) not in self.files:
            raise UnfitArchive(f"its link {shown(name)} leads to no file in it")
        self.files.add(path)

    def count_bytes(self, size_bytes: int) -> None:
        """So much more is unpacked."""
        self._unpacked_bytes += size_bytes
        if self._unpacked_bytes > UNPACKED_BYTES:
            raise UnfitArchive(f"it holds more than {UNPACKED_BYTES} bytes")
        if self._unpacked_bytes > max(ALWAYS_BYTES, MAX_RATIO * self.packed_bytes):
            raise UnfitArchive(f"it holds more than {MAX_RATIO} times its own size")

    @property
    def tops(self) -> set[str]:
        """The first segments of all paths."""
        return {path.partition("/")[0] for path in (*self.files, *self._folders, *self._links)}

    def _new(self, name: str) -> str:
        """The path of a member that is no folder, and is not there yet."""
        self._count_one()
        segments = _segments(name)
        if not segments:
            raise UnfitArchive("it has a member without a name")
        path = "/".join(segments)
        if path in self.files or path in self._links:
            raise UnfitArchive(f"it has {shown(name)} twice")
        if path in self._folders or name.endswith("/"):
            raise UnfitArchive(f"it has {shown(name)} as a file and as a folder")
        self._enter(path, is_folder=False)
        return path

    def _count_one(self) -> None:
        self._count += 1
        if self._count > MAX_MEMBERS:
            raise UnfitArchive(f"it has more than {MAX_MEMBERS} members")

    def _enter(self, path: str, *, is_folder: bool) -> None:
        """Note what a path takes: itself, and the folders above it, none of which may be anything else."""
        self._count_path(path)
        for folder in _folders_of(path, itself=is_folder):
            if folder in self._folders:
                return  # and so are all that are above
            if folder in self.files or folder in self._links:
                raise UnfitArchive(f"it has {shown(folder)} as a folder, and as something else")
            self._count_path(folder)
            self._folders.add(folder)

    def _count_path(self, path: str) -> None:
        self._paths_bytes += len(path.encode()) + _ENTRY_BYTES
        if self._paths_bytes > PATHS_BYTES:
            raise UnfitArchive("the names of its members are too long, all together")


def _folders_of(path: str, *, itself: bool) -> Iterator[str]:
    if itself:
        yield path
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _segments(name: str) -> list[str]:
    segments = [segment for segment in _checked(name).split("/") if segment not in {"", "."}]
    if ".." in segments:
        raise UnfitArchive(f"its member {shown(name)} is outside of it")
    if len(segments) > MAX_DEPTH:
        raise UnfitArchive(f"its member {shown(name)} is more than {MAX_DEPTH} folders deep")
    return segments


def _checked(name: str) -> str:
    """A path or a link's target that is relative, and means the same to every operating system."""
    if name.startswith("/") or _DRIVE.match(name):
        raise UnfitArchive(f"its member {shown(name)} has an absolute path")
    if "\\" in name:
        raise UnfitArchive(f"its member {shown(name)} has a backslash in its path")
    if _CONTROL.search(name):
        raise UnfitArchive(f"its member {shown(name)} has control characters in its path")
    try:
        length_bytes = len(name.encode())
    except UnicodeEncodeError:
        raise UnfitArchive(f"its member {shown(name)} has a path that is not text in UTF-8") from None
    if length_bytes > PATH_BYTES:
        raise UnfitArchive(f"its member {shown(name)} has a path of more than {PATH_BYTES} bytes")
    return name
