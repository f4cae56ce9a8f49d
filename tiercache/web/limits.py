"""How much of this node one connection, and all of them, may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:  # a worker gets along without
    from tiercache.config import Config


@frozen(kw_only=True)
class Limits:
    """`head_timeout_s`: from a request head's first byte to its last.  `body_timeout_s`: the same for its body.

    `idle_timeout_s`: between requests, and between two bytes of one.  `write_timeout_s`: how long a client may take
    nothing of its response.  `body_bytes`: the largest request body.  `upload_bytes`: the largest of an upload, which
    is taken in as it comes: for it `body_timeout_s` is how long it may come too slowly.  `drop_timeout_s`: how long a
    body is read and dropped that nobody wants, so that its client can read the answer.  `connections`: how many are
    served; above it the newest are refused, and `refusals` of them at a time are told so.
    """

    idle_timeout_s: float = 60.0
    head_timeout_s: float = 20.0
    body_timeout_s: float = 60.0
    write_timeout_s: float = 60.0
    head_bytes: int = 16 * 1024
    head_fields: int = 100
    body_bytes: int = 1024 * 1024
    upload_bytes: int = 1024**3
    drop_timeout_s: float = 30.0
    connections: int = 1000
    refusals: int = 16


def connections_for(descriptors: int) -> int:
    """How many connections to serve with so many file descriptors: each may hold a stored file open.

    64 are left for the store, the log, listening sockets and tiers; at least 8 connections are served.
    """
    return max(8, (descriptors - 64) // 2)


def limits_of(config: Config) -> Limits:
    """What one connection, and all of them, may take."""
    from tiercache.publish.form import FORM_BYTES

    node = config.node
    return Limits(
        idle_timeout_s=node.idle_timeout_s,
        write_timeout_s=node.write_timeout_s,
        connections=node.max_connections,
        upload_bytes=config.publish.max_size_bytes + FORM_BYTES,
    )
