"""The jobs that are kept, in memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from zope.interface import implementer

from tiercache.interfaces import IKeptJobs, KeptJob


@implementer(IKeptJobs)
@define(eq=False)
class MemoryKeptJobs:
    """`change`, `put` and `drop` are those of the catalogue, which counts what is kept."""

    _change: Callable[[Callable[[], None]], Deferred[None]]
    _put: Callable[[dict[Any, Any], Any, Any], None]
    _drop: Callable[[dict[Any, Any], Any], None]
    _jobs: dict[str, KeptJob] = field(factory=dict, init=False)

    def all(self) -> list[KeptJob]:
        return sorted(self._jobs.values(), key=lambda job: (job.created_at, job.id))

    def store(self, job: KeptJob) -> Deferred[None]:
        return self._change(partial(self._put, self._jobs, job.id, job))

    def forget(self, job: str) -> Deferred[None]:
        return self._change(partial(self._drop, self._jobs, job))
