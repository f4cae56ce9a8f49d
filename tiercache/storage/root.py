"""The folder that holds an embedded store, and what the operating system's refusals there mean.

What lies inside that folder is the business of `folder`, `catalogue` and `lock`.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from tiercache.errors import StoreFull, StoreUnusable

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""A full disk, an exhausted quota, and a limit on the size of one file."""


def made_root(root: Path) -> Path:
    """The store's folder, made (readable by its owner only) if it is not there yet.  Raises StoreUnusable."""
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise meaning(root, error) from error
    return root


def meaning(root: Path, error: OSError) -> StoreFull | StoreUnusable:
    """What a failure of the operating system below `root` says about the store."""
    if error.errno in NO_ROOM:
        return StoreFull(reason=f"{error.strerror} ({root})")
    where = error.filename or root
    match error.errno:
        case errno.EACCES | errno.EPERM:
            reason = f"user {_user()} has no permission for {where}"
        case errno.EROFS:
            reason = f"{where} is on a file system that is read-only"
        case errno.ENOTDIR | errno.EEXIST:
            reason = f"{where} is not a folder, or lies below something that is not one"
        case _:
            reason = f"{error.strerror or error} ({where})"
    return StoreUnusable(path=str(root), reason=reason)


def _user() -> str:
    return str(os.geteuid()) if hasattr(os, "geteuid") else "of this process"
