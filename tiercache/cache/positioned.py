"""A place in a file of known length, which `seek` moves as it does in every file; what `read` gives others say."""

from __future__ import annotations

import os

from attrs import define, field


@define(kw_only=True)
class Positioned:
    """What `zipfile` and `tarfile` ask of a file beside its bytes."""

    size_bytes: int
    _position: int = field(default=0, init=False)

    def seekable(self) -> bool:
        """As files say it."""
        return True

    def tell(self) -> int:
        """As files say it."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As files do it; OSError before the beginning."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size_bytes}[whence]
        if origin + offset < 0:
            raise OSError("a position before the beginning")
        self._position = origin + offset
        return self._position
