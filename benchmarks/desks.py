"""Where clients work while a benchmark measures whom they install from: in memory, if the machine has a folder there.

uv makes a thousand files and folders in a tenth of a second in memory, and in one to ten tenths on a disk, more of them
the more the disk has seen.  What a server does with its store is its own, and stays where it would be.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.doubles.clients import Desk

IN_MEMORY = Path("/dev/shm")  # a folder of its own is made in it
ROOM_BYTES = 1 << 30


@contextmanager
def new_desk() -> Iterator[Desk]:
    """A desk with a folder of its own, which is removed afterwards."""
    with tempfile.TemporaryDirectory(dir=_place(IN_MEMORY)) as folder:
        yield Desk(folder=Path(folder))


def _place(in_memory: Path) -> Path | None:
    """That folder, or None where it is not to be had or has too little room: then it is where all else is."""
    if not (in_memory.is_dir() and os.access(in_memory, os.W_OK)):
        return None
    return in_memory if shutil.disk_usage(in_memory).free >= ROOM_BYTES else None
