"""Verification: whether the bytes of a file, as they come one after the other, are those that its digests name."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from tiercache.errors import DigestMismatch
from tiercache.simple.digests import Hasher, hasher
from tiercache.simple.model import STRONGEST_FIRST


@define(kw_only=True)
class Verification:
    """One attempt at a file.  `digests`: by algorithm, which have to be right as far as they can be checked."""

    _filename: str
    _digests: Mapping[str, str]
    _hashes: dict[str, Hasher] = field(init=False)

    @_hashes.default
    def _of_nothing_yet(self) -> dict[str, Hasher]:
        return {name: hasher(name) for name in ("sha256", *self._digests) if name in STRONGEST_FIRST}

    def take(self, data: bytes) -> None:
        """What comes next.  Blocking, but for a short piece."""
        for digest in self._hashes.values():
            digest.update(data)

    def sha256(self) -> str:
        """The SHA-256 of all that came.  Raises DigestMismatch if it is not the file."""
        found = {algorithm: digest.hexdigest() for algorithm, digest in self._hashes.items()}
        for algorithm, actual in found.items():
            expected = self._digests.get(algorithm, actual)
            if actual != expected:
                raise DigestMismatch(filename=self._filename, algorithm=algorithm, expected=expected, actual=actual)
        return found["sha256"]
