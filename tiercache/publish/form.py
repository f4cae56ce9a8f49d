"""A form as it came, taken apart into its parts: what it means is the business of `submission`.

Values are bytes, as they were sent.  The bytes of files are not here: they go to the disk while they come, and a part
tells only what was said of them.  The limits stand here too, so that who reads a form can stop where one is passed.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from tiercache.cache.wheel import METADATA_BYTES
from tiercache.errors import FieldRefused
from tiercache.interfaces import FormField as FormField

CONTENT = "content"
"""The field with the archive, in the form that every publishing client sends."""

SDIST = "sdist"
"""The field with the archive, in the form of pypicache."""

MAX_PARTS = 20_000
"""How many parts a form may have: some projects have thousands of requirements, each a part of its own."""

FORM_BYTES = 2 * METADATA_BYTES
"""How long all fields of a form may be together, without files."""

_NAME_BYTES = 200
_LONG_BYTES = 1024 * 1024
_OTHER_BYTES = 64 * 1024
_LIMITS: Mapping[str, int] = {
    ":action": 64,
    "protocol_version": 16,
    "metadata_version": 16,
    "name": _NAME_BYTES,
    "version": _NAME_BYTES,
    "filetype": 32,
    "pyversion": _NAME_BYTES,
    "md5_digest": 32,
    "sha256_digest": 64,
    "blake2_256_digest": 128,  # old clients send all 64 bytes of it
    "description": METADATA_BYTES,
    "license": _LONG_BYTES,  # often the whole text
    "attestations": _LONG_BYTES,
}


@frozen(kw_only=True)
class FilePart:
    """A part with a filename, as it was said there: perhaps with a folder before it, or not a filename at all."""

    name: str
    filename: str


@frozen(kw_only=True)
class Form:
    """The parts of a form, in the order in which they came."""

    fields: tuple[FormField, ...] = ()
    files: tuple[FilePart, ...] = ()


def limit_of(name: str) -> int:
    """How many bytes the value of a field may have."""
    return _LIMITS.get(name, _OTHER_BYTES)


def too_long(name: str) -> FieldRefused:
    """The refusal of a field that is longer than `limit_of` says."""
    return FieldRefused(field=name[:_NAME_BYTES], reason=f"is longer than {limit_of(name)} bytes")
