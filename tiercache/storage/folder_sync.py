"""What the operating system is asked for so that a folder's names and bytes outlive a power cut."""

from __future__ import annotations

import os
from pathlib import Path

sync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync
"""Make the bytes of an open file durable."""


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; those file systems that cannot sync a folder need not."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def names_in(folder: Path) -> list[str]:
    """The names in a folder; none if it is not there."""
    try:
        return os.listdir(folder)  # noqa: PTH208  # names are wanted, and a hundred thousand Paths are not
    except (FileNotFoundError, NotADirectoryError):
        return []
