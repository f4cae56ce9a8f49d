"""What a route gives back: an answer as a value, and the short ones that many routes give.

Routes make answers; only `tiercache.web.respond` writes them to a client.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, BinaryIO, Protocol

import msgspec
from attrs import field, frozen
from twisted.web.server import Request

from tiercache.cache.body import IBody
from tiercache.policy.cache_status import Outcome
from tiercache.simple.model import ProjectName

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
PROBLEM = "application/problem+json"  # RFC 9457
NO_STORE = "no-store"
BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class IStream(Protocol):
    """A body that goes on for as long as its client stays, and writes itself as there is something to say."""

    async def run(self, request: Request) -> None:
        """Write to a request whose head is written, and return when nothing more is to come.

        Cancelled when the client leaves.
        """
        ...


@frozen(kw_only=True)
class Answer:
    """A response to be: status, header fields, body.

    `body` None: what a GET would have sent is not at hand, since this answers a HEAD.  `length`: the Content-Length
    where the body does not tell it (None: unknown, sent in chunks).  `outcome` becomes Cache-Status, and is logged.
    `stream`, where there is one, takes the place of the body.
    `reason`: the words beside the status, where they are not the usual ones.
    `standing`: what it stands on, where it may be kept ready for whoever asks for the same; None where that is nobody.
    `project`: whose file this is; what stands for a file without it is sent to nobody who may not read all.
    """

    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes | IBody | None = b""
    length: int | None = None
    outcome: Outcome | None = None
    stream: IStream | None = None
    project: ProjectName | None = None
    reason: str | None = None
    standing: IStanding | None = None

    @property
    def stated_length(self) -> int | None:
        """What Content-Length says, in bytes; None for a body of unknown length, and where there is to be no body."""
        if self.status in BODILESS or self.stream is not None:
            return None
        return len(self.body) if isinstance(self.body, bytes) else self.length


Variant = tuple[str, str] | None
"""What is negotiated, as media type and coding; None where every client is given the same."""


RELIED_ON_S = 60.0
"""For so long, at most, an answer is relied on that nothing has outdated: who looks again notes that it is used."""


@frozen(kw_only=True)
class Current:
    """What a GET is answered with now: in full, and where the client has it already (304).

    `steady_s`: for so many seconds what it says of the time stays as it is.  `age_s`: how old it is, where it grows
    older.  `lasting_s`: for so many seconds nothing changes of it but what it says of the time, by which alone it can
    be told (`ageing.grown`).
    """

    answer: Answer
    not_modified: Answer
    steady_s: float = math.inf
    age_s: float | None = None
    lasting_s: float = RELIED_ON_S


class IStoredFile(Protocol):
    """A file in the store, as who sends it needs it."""

    @property
    def sha256(self) -> str:
        """Its name there."""
        ...

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        ...

    def open(self) -> BinaryIO:
        """Open it.  Raises FileAbsent, StoreFailed."""
        ...

    def begin(self) -> None:
        """Somebody sends it from now on: it is not to be evicted."""
        ...

    def end(self) -> None:
        """One fewer."""
        ...


class IStanding(Protocol):
    """What an answer stands on that anybody may be given who asks for the same, since it depends on nothing else."""

    @property
    def variant(self) -> Variant:
        """For whom of those who ask for its path it is."""
        ...

    @property
    def project(self) -> ProjectName:
        """Whose page or file it is: what changes of others does not concern it."""
        ...

    @property
    def size_bytes(self) -> int:
        """How much memory its body takes."""
        ...

    def current(self) -> Current | None:
        """What the application would answer now, with the same body; None where it has to be asked.

        Waits for nothing and takes no time to speak of.
        """
        ...

    @property
    def file(self) -> IStoredFile | None:
        """What the body is, where it is a stored file; else it is in memory."""
        ...

    def used(self) -> None:
        """A client has been given it without the application: counted as that would have been."""
        ...


Say = Callable[[int, str, Mapping[str, str] | None], "Answer"]
"""Makes a short answer of a status, a sentence and header fields, in the form that the one who asked reads."""


def text(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Answer:
    """A short answer for people."""
    return Answer(
        status=status,
        headers={"Content-Type": TEXT, "Cache-Control": NO_STORE, **(headers or {})},
        body=f"{sentence}\n".encode(),
    )


def json(value: Any, headers: Mapping[str, str] | None = None, status: int = 200) -> Answer:
    """A JSON answer; kept by nobody unless `headers` say so."""
    return Answer(
        status=status,
        headers={"Content-Type": JSON, "Cache-Control": NO_STORE, **(headers or {})},
        body=msgspec.json.encode(value),
    )


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error of the JSON API (RFC 9457), its type being the status itself."""
    stated = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return json(stated, {"Content-Type": PROBLEM, **(headers or {})}, status)


def moved(location: str) -> Answer:
    """A permanent redirect that keeps the method (RFC 9110 section 15.4.9), to a relative location."""
    return Answer(status=308, headers={"Content-Type": TEXT, "Location": location}, body=f"{location}\n".encode())
