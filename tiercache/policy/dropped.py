"""What a look into a folder means: which of its files are new, and which are there no more.  Pure.

The folder is the truth, and so it has to be there itself: one that has vanished, or that is another than it was and
has nothing of what was known, is a disk that is not mounted, and says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import field, frozen


@frozen(kw_only=True)
class Stamp:
    """By which a file is known not to have changed, without reading it."""

    size_bytes: int
    mtime_ns: int
    inode: int


@frozen(kw_only=True)
class Look:
    """What a folder looked like.

    `identity` names the folder itself (by the system's device and inode), "" where it was not there.  `files`: those
    in it and below it, by their absolute paths.  `unread`: folders below it that could not be read.  `folders`: it and
    all below that were.  `odd`: what was passed over, by path, and why.  `is_remote`: other machines may change it.
    """

    identity: str
    files: Mapping[str, Stamp] = field(factory=dict)
    unread: Collection[str] = ()
    folders: Collection[str] = ()
    odd: Mapping[str, str] = field(factory=dict)
    is_remote: bool = False


@frozen(kw_only=True)
class Difference:
    """`changed`: files that are not known as they are now.  `gone`: known ones that are there no more.

    `is_doubtful`: the folder is not the one that was known, and has nothing of what was.
    """

    changed: Mapping[str, Stamp] = field(factory=dict)
    gone: tuple[str, ...] = ()
    is_doubtful: bool = False


def difference(look: Look, known: Mapping[str, Stamp], identity: str) -> Difference:
    """What a look says; `known`: what lay there before, `identity` the folder's own then, "" for one that is new."""
    if not look.identity:
        return Difference()
    changed = {path: stamp for path, stamp in look.files.items() if known.get(path) != stamp}
    if identity not in {"", look.identity} and known.keys().isdisjoint(look.files):
        return Difference(changed=changed, is_doubtful=bool(known))
    unread = tuple(f"{folder.rstrip('/')}/" for folder in look.unread)
    gone = tuple(path for path in known if path not in look.files and not path.startswith(unread))
    return Difference(changed=changed, gone=gone)
