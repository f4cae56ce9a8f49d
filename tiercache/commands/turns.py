"""Whose turn it is among this process's threads."""

from __future__ import annotations

import sys

TURN_S = 0.0001
"""For how long a thread of the pool works on while the reactor's waits.  That one needs several turns for each request,
one behind each call of the system: at Python's 5 ms a page being parsed would keep every client waiting for 15 ms."""


def take_short_turns() -> None:
    """Have threads that compute make way soon for one that waits; while none does, this costs nothing."""
    sys.setswitchinterval(TURN_S)
