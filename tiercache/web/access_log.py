"""One event a request, when it has ended: what was asked, what became of it, in the words of Cache-Status.

The event carries the fields, and the observer chooses the format.  No credentials: neither the query nor any request
field but User-Agent is looked at, and X-Forwarded-For where it is a trusted proxy's.

Answers that cost next to nothing have their lines gathered for a moment, since an event of its own costs more than such
an answer: one event then carries them in `log_lines`, each with its time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache

from attrs import define, field, fields, frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request
from zope.interface import Attribute, Interface, implementer

from tiercache.policy.cache_status import Outcome
from tiercache.web.client import Clients

PATH_CHARACTERS, AGENT_CHARACTERS = 400, 120
CLIENT_LEFT = 499  # not a status of HTTP: the client left before there was one
GATHERED_S = 0.1
MOST_GATHERED = 1000

_LOGGED = tuple(one.name for one in fields(Outcome) if one.name != "above")

log = Logger()


class INotes(Interface):
    """What becomes known of a request while it is answered; kept with the request by `notes_of`."""

    outcome = Attribute("Outcome | None")


@implementer(INotes)
@define
class Notes:
    """See `INotes`."""

    outcome: Outcome | None = None


def notes_of(request: Request) -> Notes:
    """The notes on a request."""
    notes: Notes | None = request.getComponent(INotes)
    if notes is None:
        notes = Notes()
        request.setComponent(INotes, notes)
    return notes


@define
class Line:
    """One request that has ended, at `at` (seconds since 1970).

    Its fields may be given by their places, which takes a third of the time that their names take: as much as a
    twentieth of what it takes to answer what is ready.

    `path` without its query; `sent_bytes` of the body; `ended`: `whole`, or `cut` if the connection was lost before.
    """

    at: float
    client: str
    method: str
    path: str
    status: int
    sent_bytes: int
    seconds: float
    agent: str
    ended: str
    told: Told

    def __str__(self) -> str:
        seconds = f"{self.seconds:.3f}" if self.seconds else "0.000"  # as most have, and to format it takes long
        return (
            f"{self.client} {self.method} {self.path} {self.status} {self.sent_bytes} bytes {seconds} s "
            f"{self.told.words} {self.ended} ({self.agent})"
        )

    @property
    def fields(self) -> dict[str, object]:
        """What an event carries of it; `cache` is one or two words for people, beside them stands what is told."""
        return {
            "client": self.client,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "sent_bytes": self.sent_bytes,
            "seconds": self.seconds,
            "agent": self.agent,
            "ended": self.ended,
            "cache": self.told.words,
            **self.told.fields,
        }


class Lines(tuple[Line, ...]):
    """Some, for who writes events as they are."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self))


@define(kw_only=True)
class AccessLog:
    """Writes the line of each request that it is told of: the fields of an event are those of `Line`.

    `now`: seconds since 1970.
    """

    _clock: IReactorTime
    _clients: Clients
    _now: Callable[[], float] = time.time
    _log: Logger = field(default=log)
    _gathered: list[Line] = field(factory=list, init=False)
    _flush_at: IDelayedCall | None = field(default=None, init=False)

    def follow(self, request: Request) -> None:
        """Write the line of this request when it has ended."""
        begun_at = self._clock.seconds()

        def ended(result: object) -> None:
            self._write(request, begun_at, "cut" if isinstance(result, Failure) else "whole")

        request.notifyFinish().addBoth(ended)

    def _write(self, request: Request, begun_at: float, ended: str) -> None:
        line = Line(
            at=self._now(),
            client=self._client(request),
            method=request.method.decode("ascii", "replace"),
            path=plain_path(request.path),
            status=request.code if request.startedWriting else CLIENT_LEFT,
            sent_bytes=0 if request.method == b"HEAD" else request.sentLength,
            seconds=self._clock.seconds() - begun_at,
            agent=plain_agent(request.getHeader(b"user-agent")),
            ended=ended,
            told=told_of(notes_of(request).outcome),
        )
        self.flush()
        # Put together here: the logger's own way takes as long as the answer did.
        self._log.info("{log_line}", log_line=str(line), **line.fields)

    def gather(self, line: Line) -> None:
        """Write a line soon, with others."""
        self._gathered.append(line)
        if self._flush_at is None:
            self._flush_at = self._clock.callLater(GATHERED_S, self.flush)
        elif len(self._gathered) >= MOST_GATHERED:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        if self._flush_at is None:
            return
        if self._flush_at.active():
            self._flush_at.cancel()
        self._flush_at = None
        gathered, self._gathered = self._gathered, []
        self._log.info("{log_lines}", log_lines=Lines(gathered))

    def now(self) -> float:
        """Seconds since 1970."""
        return self._now()

    def _client(self, request: Request) -> str:
        address = self._clients.address(request)
        return str(address or getattr(request.getClientAddress(), "name", None) or "-")


@frozen
class Told:
    """What a line says of an outcome: in one or two words for people, and in fields."""

    words: str
    fields: Mapping[str, object]


@lru_cache(maxsize=256)
def told_of(outcome: Outcome | None) -> Told:
    """That of this one."""
    return Told(_words(outcome), {} if outcome is None else _fields(outcome))


def plain_agent(agent: bytes | None) -> str:
    """A User-Agent as it stands in a line."""
    return _plain(agent or b"-", AGENT_CHARACTERS)


def plain_path(path: bytes) -> str:
    """A path as it stands in a line."""
    return _plain(path, PATH_CHARACTERS)


def _plain(raw: bytes, characters: int) -> str:
    """Printable text of bounded length: nothing that could forge a line or move a terminal's cursor."""
    text = raw[: characters + 1].decode("latin-1")
    plain = text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
    return plain if len(plain) <= characters else f"{plain[:characters]}…"


def _fields(outcome: Outcome) -> dict[str, object]:
    """What is known of it; what other nodes said of themselves stands in their logs."""
    values = ((name, getattr(outcome, name)) for name in _LOGGED)
    return {name: value for name, value in values if value not in (None, False)}


def _words(outcome: Outcome | None) -> str:
    if outcome is None:
        return "-"
    words = ["hit"] if outcome.hit else []
    words += [f"fwd={outcome.fwd}"] if outcome.fwd else []
    words += ["stored"] if outcome.stored else []
    words += ["collapsed"] if outcome.collapsed else []
    words += [f"detail={outcome.detail}"] if outcome.detail else []
    words += [f"tier={outcome.tier}"] if outcome.tier else []
    return ",".join(words) or "-"
