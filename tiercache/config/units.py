"""Durations and sizes as people write them: a number and its unit, never a bare number.

Both ways: `duration_s(duration_text(x)) == x`, and the same for sizes.
"""

from __future__ import annotations

import re
from decimal import Decimal

_SECONDS = {
    "w": Decimal(604800),
    "d": Decimal(86400),
    "h": Decimal(3600),
    "m": Decimal(60),
    "s": Decimal(1),
    "ms": Decimal("0.001"),
}
_BYTES = {
    "TiB": 1024**4,
    "GiB": 1024**3,
    "MiB": 1024**2,
    "KiB": 1024,
    "TB": 1000**4,
    "GB": 1000**3,
    "MB": 1000**2,
    "kB": 1000,
    "KB": 1000,
    "B": 1,
}
_QUANTITY = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?) ?([A-Za-z]*)", re.ASCII)
# Weeks are understood and not written: 14d says more than 2w to most.
_WRITTEN_DURATIONS = ("d", "h", "m", "s", "ms")
_WRITTEN_SIZES = ("TiB", "GiB", "MiB", "KiB", "B")


def duration_s(text: str) -> float:
    """Seconds of a duration such as `500ms`, `3s`, `1.5h`, `30d`.  Raises ValueError, in words for people."""
    number, unit = _quantity(text, "a duration", tuple(_SECONDS), "10s")
    return float(number * _SECONDS[unit])


def size_bytes(text: str) -> int:
    """Bytes of a size such as `20GiB`, `1.5MB`, `512KiB`.  Raises ValueError, in words for people."""
    number, unit = _quantity(text, "a size", tuple(_BYTES), "20GiB")
    size = number * _BYTES[unit]
    if size != size.to_integral_value():
        raise ValueError(f"{text!r} is no whole number of bytes")
    return int(size)


def duration_text(seconds: float) -> str:
    """A duration in the greatest unit that says it without a fraction, else in seconds."""
    exact = Decimal(repr(float(seconds)))
    for unit in _WRITTEN_DURATIONS:
        if exact and exact % _SECONDS[unit] == 0:
            return f"{int(exact / _SECONDS[unit])}{unit}"
    return f"{exact.normalize():f}s"


def size_text(size: int) -> str:
    """A size in the greatest unit that says it without a fraction."""
    unit = next(unit for unit in _WRITTEN_SIZES if size % _BYTES[unit] == 0) if size else "B"
    return f"{size // _BYTES[unit]}{unit}"


def _quantity(text: str, what: str, units: tuple[str, ...], example: str) -> tuple[Decimal, str]:
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not {what}: a number with a unit, such as {example}")
    number, unit = found.groups()
    if not unit:
        raise ValueError(f"{text!r} needs a unit: {', '.join(units)}")
    if unit not in units:
        raise ValueError(f"{unit!r} in {text!r} is not the unit of {what}: {', '.join(units)}")
    return Decimal(number), unit
