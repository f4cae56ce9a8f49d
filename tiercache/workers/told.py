"""What a node told to be ready, as what an answer stands on (`answer.IStanding`), and the lines of such answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from attrs import define, field, frozen

from tiercache.cache.knowledge import compartment_of
from tiercache.errors import FileAbsent
from tiercache.simple.model import ProjectName
from tiercache.web.access_log import Line, Told
from tiercache.web.ageing import grown
from tiercache.web.answer import Answer, Current, Variant
from tiercache.workers import messages
from tiercache.workers.messages import Found, Tell
from tiercache.workers.messages import StoredFile as Stored

MOST_LINES = 200
"""So many are told at once."""


@define(kw_only=True)
class Tally:
    """What a worker has answered, until its node is told.  `begun`: called when there is something to tell.

    `now`: seconds since 1970.
    """

    _begun: Callable[[], object]
    _now: Callable[[], float]
    _hits: int = field(default=0, init=False)
    _files: Counter[str] = field(factory=Counter, init=False)
    _lines: list[Line] = field(factory=list, init=False)

    def answered(self) -> None:
        """A client was given what is ready."""
        self._hits += 1

    def sent(self, sha256: str) -> None:
        """It is a file."""
        self._files[sha256] += 1

    def gather(self, line: Line) -> None:
        """See `ILines`."""
        self._lines.append(line)
        if len(self._lines) in (1, MOST_LINES):
            self._begun()

    def flush(self) -> None:
        """See `ILines`: the node is told in its time."""

    def now(self) -> float:
        """See `ILines`."""
        return self._now()

    @property
    def is_full(self) -> bool:
        """Whether the node is to be told now."""
        return len(self._lines) >= MOST_LINES

    def taken(self) -> Tell | None:
        """What there is to tell, which is forgotten here; None for nothing."""
        if not (self._hits or self._files or self._lines):
            return None
        told = Tell(self._hits, list(self._files), [_message_of(line) for line in self._lines])
        self._hits, self._files, self._lines = 0, Counter(), []
        return told


def _message_of(line: Line) -> messages.Line:
    return messages.Line(
        line.at,
        line.client,
        line.method,
        line.path,
        line.status,
        line.sent_bytes,
        line.seconds,
        line.agent,
        line.ended,
        line.told.words,
        dict(line.told.fields),  # type: ignore[arg-type]  # of plain values
    )


def line_of(message: messages.Line) -> Line:
    """A line, as the access log has it."""
    return Line(
        at=message.at,
        client=message.client,
        method=message.method,
        path=message.path,
        status=message.status,
        sent_bytes=message.sent_bytes,
        seconds=message.seconds,
        agent=message.agent,
        ended=message.ended,
        told=Told(message.words, message.fields),
    )


@frozen
class TellingFile:
    """A file of the store, as a worker sends it (`answer.IStoredFile`).

    It is not kept from being evicted: who sends it has it open, and keeps its bytes so.
    """

    _stored: Stored
    _tally: Tally

    @property
    def sha256(self) -> str:
        """See `IStoredFile`."""
        return self._stored.sha256

    @property
    def size_bytes(self) -> int:
        """See `IStoredFile`."""
        return self._stored.size_bytes

    def open(self) -> BinaryIO:
        """See `IStoredFile`."""
        try:
            return Path(self._stored.path).open("rb")
        except OSError:
            raise FileAbsent(filename=self._stored.sha256) from None

    def begin(self) -> None:
        """See `IStoredFile`."""
        self._tally.sent(self._stored.sha256)

    def end(self) -> None:
        """See `IStoredFile`."""


@frozen(kw_only=True)
class ToldStanding:
    """What was found ready, for as long as it is: `version` gives what the node knows of projects in a
    compartment, `now` seconds since 1970."""

    _found: Found
    _tally: Tally
    _version: Callable[[int], int]
    _now: Callable[[], float]
    _client_max_age_s: float

    @property
    def variant(self) -> Variant:
        """See `IStanding`."""
        return self._found.variant

    @property
    def project(self) -> ProjectName:
        """See `IStanding`."""
        return self._found.project

    @property
    def size_bytes(self) -> int:
        """See `IStanding`."""
        return len(self._found.body)

    @property
    def file(self) -> TellingFile | None:
        """See `IStanding`."""
        return None if self._found.file is None else TellingFile(self._found.file, self._tally)

    def used(self) -> None:
        """See `IStanding`."""
        self._tally.answered()

    def current(self) -> Current | None:
        """See `IStanding`; None where the node has to be asked again."""
        found, now = self._found, self._now()
        if found.version != self._version(compartment_of(found.project)) or not found.made_at <= now < found.until:
            return None
        current = Current(
            answer=Answer(
                headers=found.headers,
                body=found.body if found.file is None else None,
                length=None if found.file is None else found.file.size_bytes,
                outcome=found.outcome,
            ),
            not_modified=Answer(status=304, headers=found.unmodified_headers, outcome=found.outcome),
            age_s=found.age_s,
            lasting_s=found.until - now,
        )
        return grown(current, now - found.made_at, self._client_max_age_s)
