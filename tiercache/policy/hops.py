"""Where a request has been on its way here, and whether it may go on (RFC 9110 §7.6.3, RFC 8586).

Header text becomes a value here, and the value becomes header text for the next tier.  Who refuses, and with which
words, is known in `web`; who sends, in `upstream`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache

from attrs import frozen

LOOP = "loop"
"""The reason for which a tier gives nothing when its answer is that the request went round in a ring, or too far."""

MOST_HOPS = 8
"""A request that has passed more nodes than this goes no further."""

MOST_VIA = 64
"""Nor does one whose Via has more members: proxies that are no nodes stand there too."""

LONGEST_FIELD = 4096
"""Nor one whose Via or CDN-Loop is longer, in characters."""

LONGEST_REMEMBERED = 512
"""Both fields of a usual request have no more characters together; those of one node are the same in all of its."""

MOST_REMEMBERED = 64

NODE_ID = re.compile(r"[0-9a-f]{16}")
"""What names a node in both fields: made by chance and kept in its store, as names of nodes may clash."""

_UNFIT = re.compile(r"[^\x21-\x7e]+")  # a member goes on in one line, whatever a peer put there


class Loop(Enum):
    """Why a request may not go on."""

    BEEN_HERE = "This request has been here before: the tiers of some nodes form a ring."
    TOO_FAR = "This request has passed too many nodes."


@frozen(kw_only=True)
class Hops:
    """The members of Via and of CDN-Loop as they came, the oldest first.

    `is_endless`: one of the fields was longer than any that a chain of nodes makes.
    """

    via: tuple[str, ...] = ()
    cdn_loop: tuple[str, ...] = ()
    is_endless: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """The nodes passed, each as often as it was passed; the fuller of the two fields tells.

        Some proxies drop a field that they do not know.  What is neither a node's id nor in CDN-Loop does not count:
        proxies stand in Via that are no hop of the chain.
        """
        return _ids_in(self.via, self.cdn_loop) if self.via or self.cdn_loop else ()

    def loop_at(self, node_id: str) -> Loop | None:
        """Why the node with this id is to refuse the request, or None."""
        if node_id in map(_received_by, self.via) or node_id in map(_cdn_id, self.cdn_loop):
            return Loop.BEEN_HERE
        if self.is_endless or len(self.ids) > MOST_HOPS or len(self.via) > MOST_VIA:
            return Loop.TOO_FAR
        return None

    def headers_from(self, node_id: str) -> Mapping[str, str]:
        """What the node with this id sends with the request that it makes of this one."""
        return {
            "Via": ", ".join((*self.via, f"1.1 {node_id}")),
            "CDN-Loop": ", ".join((*self.cdn_loop, node_id)),
        }


NONE_YET = Hops()
"""What a client's own request has passed, and what a node asks for itself."""


def hops_from_headers(via: str | None, cdn_loop: str | None) -> Hops:
    """Read the two fields, each None where it is missing; several lines of one are joined by commas."""
    if not via and not cdn_loop:
        return NONE_YET
    is_usual = len(via or "") + len(cdn_loop or "") <= LONGEST_REMEMBERED
    return (_read if is_usual else _read.__wrapped__)(via, cdn_loop)


@lru_cache(maxsize=MOST_REMEMBERED)
def _read(via: str | None, cdn_loop: str | None) -> Hops:
    return Hops(
        via=_members(via),
        cdn_loop=_members(cdn_loop),
        is_endless=max(len(via or ""), len(cdn_loop or "")) > LONGEST_FIELD,
    )


@lru_cache(maxsize=MOST_REMEMBERED)
def _ids_in(via: tuple[str, ...], cdn_loop: tuple[str, ...]) -> tuple[str, ...]:
    by_via = tuple(name for name in map(_received_by, via) if NODE_ID.fullmatch(name))
    by_loop = tuple(_cdn_id(member) for member in cdn_loop)
    return max(by_loop, by_via, key=len)


def _received_by(member: str) -> str:
    """The second word of a member of Via: `1.1 name (comment)`."""
    words = member.split(maxsplit=2)
    return words[1].lower() if len(words) > 1 else ""


def _cdn_id(member: str) -> str:
    return member.partition(";")[0].strip().lower()


def _members(text: str | None) -> tuple[str, ...]:
    cut = (text or "")[:LONGEST_FIELD]
    members = (_UNFIT.sub(" ", member).strip() for member in _split(cut))
    return tuple(member for member in members if member)


def _split(text: str) -> list[str]:
    """The parts between commas; those in comments and in quotes separate nothing (RFC 9110 §5.6.4, §5.6.5).

    Where one of these is never closed all commas count, since it would hide every node that comes after it.
    """
    parts: list[str] = []
    begin = depth = 0
    is_quoted = is_escaped = False
    for at, char in enumerate(text):
        if is_escaped:
            is_escaped = False
        elif char == "\\" and (is_quoted or depth):
            is_escaped = True
        elif char == '"' and not depth:
            is_quoted = not is_quoted
        elif is_quoted:
            continue
        elif char == "(":
            depth += 1
        elif char == ")":
            depth = max(0, depth - 1)
        elif char == "," and not depth:
            parts.append(text[begin:at])
            begin = at + 1
    return text.split(",") if is_quoted or depth else [*parts, text[begin:]]
