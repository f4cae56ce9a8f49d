"""Group commit: the changes that arrive while one transaction is being written are the next one.

One writer, one order, one trip to the disk for many changes.  What the changes are is the business of `steps`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, fail

from tiercache.errors import StoreUnusable
from tiercache.interfaces import Pool
from tiercache.storage.database import is_busy, meaning
from tiercache.storage.prepared import Prepared
from tiercache.storage.statement import Rows
from tiercache.storage.steps import Step

Change = Callable[[], Sequence[Step]]
"""Gives the steps of a change; called in the writer, since it may have to encode and compress."""

MOST_AT_ONCE = 256
"""Changes in one transaction: other processes wait for its end."""


@frozen(eq=False)
class _Waiting:
    change: Change
    lasting: bool
    done: Deferred[Rows] = field(factory=Deferred)


@define(kw_only=True, eq=False)
class GroupCommit:
    """The one way to change the database at `path`, through `connection`, in the thread that `writer` stands for.

    `pause`: how long changes that nobody waits for gather before they are written together; None writes them at once.
    """

    _connection: Prepared
    _path: Path
    _writer: Pool
    _pause: Callable[[], Deferred[None]] | None = None
    _hurry: Deferred[None] | None = field(default=None, init=False)
    _waiting: list[_Waiting] = field(factory=list, init=False)
    _writing: bool = field(default=False, init=False)
    _closed: bool = field(default=False, init=False)
    _is_lasting: bool = field(default=True, init=False)

    def submit(self, change: Change, *, lasting: bool = True) -> Deferred[None]:
        """Make a change after all that were submitted before it.

        The Deferred, which is for one waiter, fires once it is made, or with what kept it from that (StoreFull,
        StoreUnusable); then nothing of it was done.  Nobody who stops waiting takes a change back.  One that is
        `lasting` is on the disk by then, with all that came before it; another outlives the end of the process, and a
        power cut only if it came some time before: what was got from a tier can be got again.
        """
        return self._submitted(change, lasting).addCallback(_nothing)

    def submit_asking(self, change: Change) -> Deferred[Rows]:
        """The same for a change that lasts, and of which something is to be told: it fires with that."""
        return self._submitted(change, lasting=True)

    def _submitted(self, change: Change, lasting: bool) -> Deferred[Rows]:
        if self._closed:
            return fail(StoreUnusable(path=str(self._path), reason="it has been closed"))
        return self._enqueue(change, lasting)

    async def close(self) -> None:
        """Write what was submitted, and close the connection."""
        if self._closed:
            return
        self._closed = True
        await self._enqueue(tuple, lasting=True)  # no steps: it comes after all others, and cannot fail by itself
        await self._writer(_close, self._connection)

    def _enqueue(self, change: Change, lasting: bool) -> Deferred[Rows]:
        waiting = _Waiting(change, lasting)
        self._waiting.append(waiting)
        if not self._writing:
            ensureDeferred(self._write_all())
        elif self._hurry is not None and self._is_pressing:
            self._hurry.cancel()
        return waiting.done

    @property
    def _is_pressing(self) -> bool:
        """Whether somebody waits for what is to be written, or it is enough."""
        return len(self._waiting) >= MOST_AT_ONCE or any(waiting.lasting for waiting in self._waiting)

    async def _gather(self) -> None:
        """Let more come that is written in one go, unless somebody waits."""
        if self._pause is None or self._is_pressing:
            return
        self._hurry = self._pause()
        with suppress(CancelledError):
            await self._hurry
        self._hurry = None

    async def _write_all(self) -> None:
        self._writing = True
        while self._waiting:
            await self._gather()
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                changes, lasting = [waiting.change for waiting in batch], any(waiting.lasting for waiting in batch)
                outcomes = await self._writer(self._written, changes, lasting)
            except Exception as error:  # noqa: BLE001  # a pool that does not work: told to those who wait
                outcomes = [error] * len(batch)
            for waiting, outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, Exception):
                    waiting.done.errback(outcome)
                else:
                    waiting.done.callback(outcome)
        self._writing = False

    # -- in the writer ------------------------------------------------------------------------------------------

    def _written(self, changes: Sequence[Change], lasting: bool) -> list[Rows | Exception]:
        """Make the changes, and say for each what it told, or what kept it from being made."""
        outcomes: list[Rows | Exception] = [()] * len(changes)
        possible: dict[int, Sequence[Step]] = {}
        for index, change in enumerate(changes):
            try:
                if steps := change():
                    possible[index] = steps
            except Exception as error:  # noqa: BLE001  # a value that cannot be encoded: told to the one who gave it
                outcomes[index] = error
        if not possible:
            return outcomes
        try:
            self._last(lasting)
            told = self._transact(list(possible.values()))
            outcomes = [next(told) if index in possible else outcome for index, outcome in enumerate(outcomes)]
        except Exception as error:  # noqa: BLE001  # also of the driver's own: a text that is no Unicode, a huge number
            if len(possible) == 1 or is_busy(error):
                return [self._meaning(error) if index in possible else f for index, f in enumerate(outcomes)]
            # One of them cannot be made, and SQLite may have rolled all of them back: now each by itself.
            for index, steps in possible.items():
                try:
                    (outcomes[index],) = self._transact([steps])
                except Exception as its_own:  # noqa: BLE001  # as above
                    outcomes[index] = self._meaning(its_own)
        return outcomes

    def _meaning(self, error: Exception) -> Exception:
        return meaning(self._path, error) if isinstance(error, sqlite3.Error) else error

    def _last(self, lasting: bool) -> None:
        """From now on a commit waits for the disk, or does not."""
        if lasting is not self._is_lasting:
            self._connection.pragma("synchronous", "FULL" if lasting else "NORMAL")
            self._is_lasting = lasting

    def _transact(self, changes: Sequence[Sequence[Step]]) -> Iterator[Rows]:
        """Make the changes in one transaction; what each told, once that is on the disk."""
        told: list[Rows] = []
        with self._connection.transaction():
            for steps in changes:
                rows: Rows = ()
                for statement, parameters in steps:
                    told_by_it = self._connection.run(statement, parameters)
                    rows = rows if told_by_it is None else told_by_it
                told.append(rows)
        return iter(told)


def _nothing(_rows: Rows) -> None:
    return None


def _close(prepared: Prepared) -> None:
    prepared.connection.close()
