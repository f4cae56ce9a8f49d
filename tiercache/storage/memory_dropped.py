"""The dropped files that are known, in memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from zope.interface import implementer

from tiercache.interfaces import DroppedFile, IDropped


@implementer(IDropped)
@define(eq=False)
class MemoryDropped:
    """`change`, `put` and `drop` are those of the catalogue, which counts what is kept."""

    _change: Callable[[Callable[[], None]], Deferred[None]]
    _put: Callable[[dict[Any, Any], Any, Any], None]
    _drop: Callable[[dict[Any, Any], Any], None]
    _files: dict[str, DroppedFile] = field(factory=dict, init=False)

    def all(self) -> list[DroppedFile]:
        return [self._files[path] for path in sorted(self._files)]

    def store(self, file: DroppedFile) -> Deferred[None]:
        return self._change(partial(self._put, self._files, file.path, file))

    def forget(self, path: str) -> Deferred[None]:
        return self._change(partial(self._drop, self._files, path))
