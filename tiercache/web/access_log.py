"""One event a request, when it has ended: what was asked, what became of it, in the words of Cache-Status.

The event carries the fields, and the observer chooses the format.  No credentials: neither the query nor any request
field but User-Agent is looked at, and X-Forwarded-For where it is a trusted proxy's.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field, fields, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request
from zope.interface import Attribute, Interface, implementer

from tiercache.policy.cache_status import Outcome
from tiercache.web.client import Clients

PATH_CHARACTERS, AGENT_CHARACTERS = 400, 120
CLIENT_LEFT = 499  # not a status of HTTP: the client left before there was one

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


@define(kw_only=True)
class AccessLog:
    """Writes the line of each request that it is told of.

    Fields of an event: `client`, `method`, `path` (no query), `status`, `sent_bytes` (of the body), `seconds`, `agent`,
    `ended` (`whole` or `cut`: the connection was lost before the end), `cache` (one or two words for people), and those
    of `Outcome` that are known.
    """

    _clock: IReactorTime
    _clients: Clients
    _log: Logger = field(default=log)

    def follow(self, request: Request) -> None:
        """Write the line of this request when it has ended."""
        begun_at = self._clock.seconds()

        def ended(result: object) -> None:
            self._write(request, begun_at, "cut" if isinstance(result, Failure) else "whole")

        request.notifyFinish().addBoth(ended)

    def _write(self, request: Request, begun_at: float, ended: str) -> None:
        self.note(
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

    def note(
        self,
        *,
        client: str,
        method: str,
        path: str,
        status: int,
        sent_bytes: int,
        seconds: float,
        agent: str,
        ended: str,
        told: Told,
    ) -> None:
        """Write the line of a request that has ended."""
        cache = told.words
        self._log.info(
            "{log_line}",  # put together here: the logger's own way takes as long as the answer did
            log_line=f"{client} {method} {path} {status} {sent_bytes} bytes {seconds:.3f} s {cache} {ended} ({agent})",
            client=client,
            method=method,
            path=path,
            status=status,
            sent_bytes=sent_bytes,
            seconds=seconds,
            agent=agent,
            ended=ended,
            cache=cache,
            **told.fields,
        )

    def _client(self, request: Request) -> str:
        address = self._clients.address(request)
        return str(address or getattr(request.getClientAddress(), "name", None) or "-")


@frozen
class Told:
    """What a line says of an outcome: in one or two words for people, and in fields."""

    words: str
    fields: Mapping[str, object]


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
