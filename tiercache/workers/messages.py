"""What a node and its workers say to each other: values, and the bytes that stand for them.  Pure.

Each message is one frame on the line between the two (`line`).  A connection goes beside the frame that tells of it.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from tiercache.policy.cache_status import Outcome
from tiercache.simple.model import ProjectName
from tiercache.web.asker import Asker

M = TypeVar("M")

LONGEST_FRAME = 32 * 1024 * 1024
"""No answer that is kept ready is as large."""


class MessageMalformed(ValueError):
    """What came on the line is no message."""


class _Message(msgspec.Struct, frozen=True, tag=True, array_like=True, forbid_unknown_fields=True):
    pass


class Line(_Message, frozen=True):
    """A line for the access log, as that has it; `words` and `fields` are its `Told`."""

    at: float
    client: str
    method: str
    path: str
    status: int
    sent_bytes: int
    seconds: float
    agent: str
    ended: str
    words: str
    fields: dict[str, str | int | float | bool]


class Here(_Message, frozen=True):
    """A worker takes connections."""


class Alive(_Message, frozen=True):
    """A worker has its turn from time to time."""


class Ask(_Message, frozen=True):
    """A worker asks what is ready for a target, in a variant; it was asked by `asker`."""

    target: bytes
    variant: tuple[str, str] | None
    asker: Asker


class Pass(_Message, frozen=True):
    """A connection comes along, on which `data` has come that nobody has answered."""

    data: bytes


class Took(_Message, frozen=True):
    """The connection that came longest ago has been taken."""


class Tell(_Message, frozen=True):
    """What a worker has answered since it last told: how often, with which files, and the lines about it."""

    hits: int
    files: list[str]
    lines: list[Line]


class Say(_Message, frozen=True):
    """Something for the node's log; `level` is the name of a LogLevel."""

    level: str
    text: str


class StoredFile(_Message, frozen=True):
    """A file of the store, and where it lies."""

    sha256: str
    size_bytes: int
    path: str


class Found(_Message, frozen=True):
    """What is ready, in full and where the client has it already, and for whom: `variant` None for whoever asks.

    It was made at `made_at` (seconds since 1970), is answered until `until`, and while what is known of `project` is
    `version`.
    `age_s`: how old it was then, where it grows older.  The body is `file`, or else `body`.
    """

    project: ProjectName
    variant: tuple[str, str] | None
    headers: dict[str, str]
    unmodified_headers: dict[str, str]
    outcome: Outcome | None
    body: bytes
    file: StoredFile | None
    version: int
    made_at: float
    until: float
    age_s: float | None


class Give(_Message, frozen=True):
    """The answer to an `Ask`; `found` None: it is not ready."""

    target: bytes
    variant: tuple[str, str] | None
    found: Found | None


class Begin(_Message, frozen=True):
    """What a worker has to know of its node; it says `Here` then.

    `trusted_proxies` are networks, `limits` the fields of `Limits`.
    """

    node_name: str
    node_id: str | None
    public_url: str | None
    trusted_proxies: list[str]
    client_max_age_s: float
    ready_bytes: int
    limits: dict[str, int | float]


class End(_Message, frozen=True):
    """Take no more connections, and end when what is under way has ended, or after so many seconds."""

    within_s: float


FromWorker = Here | Alive | Ask | Pass | Took | Tell | Say
FromNode = Begin | Give | Pass | Took | End

_encoder = msgspec.msgpack.Encoder()
_from_worker: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)
_from_node: msgspec.msgpack.Decoder[FromNode] = msgspec.msgpack.Decoder(FromNode)


def encoded(message: FromWorker | FromNode) -> bytes:
    """A message as bytes."""
    return _encoder.encode(message)


def from_worker(frame: bytes) -> FromWorker:
    """What a worker says.  Raises MessageMalformed."""
    return _decoded(_from_worker, frame)


def from_node(frame: bytes) -> FromNode:
    """What a node says.  Raises MessageMalformed."""
    return _decoded(_from_node, frame)


def _decoded(decoder: msgspec.msgpack.Decoder[M], frame: bytes) -> M:
    try:
        return decoder.decode(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MessageMalformed(str(error)) from None
