"""How this process keeps memory: the C library what was freed, Python what goes round in circles.

Bodies and pages come and go in pieces of hundreds of kilobytes, from several threads.  glibc by itself would keep an
arena for each thread, and learn from the first large piece to keep all like it.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys

# malloc.h of glibc
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

LARGE_BYTES = 128 * 1024
"""Pieces from this size on are given back to the system as soon as they are freed."""

KEPT_BYTES = 1024 * 1024
"""So much that was freed of smaller ones is kept: about what comes of a large file at a time, which would else be got
from the system again and again, each page of it cleared."""

COLLECTED_AFTER = (2_000, 5, 200)
"""How many new objects bring about a collection, and how many of those one of the older.  Each request makes thousands
that reference counting frees by itself; at Python's 700 the search for the others takes a tenth of all time.  Nobody is
answered during one: of 20,000 objects it takes 7 ms, of so few 1 ms, and of the older 5.  Files are none of them (see
`simple.model`)."""


def collect_nothing() -> None:
    """Look for no garbage until `collect_seldom`: a start makes what stays, and a fifth of it would go into looking."""
    gc.disable()


def collect_seldom() -> None:
    """Look for garbage in circles seldom, and never among what is there by now: modules and what they hold stay."""
    gc.enable()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)


def give_memory_back() -> bool:
    """Have freed memory given back; whether this C library can be told so.  Variables that the owner set win."""
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has no such call
        return False
    told = [
        mallopt(_M_ARENA_MAX, 1),
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES),
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES),
    ]
    return all(told)
