"""What the header block of a request means to an answer that is ready: read once for the clients that send the same.

Blocks repeat, all but the lines that name a version or a part of what is asked for: those are cut out first.  Only
what is plain is read here.  None means that the block, whatever it says, is the stock channel's to read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import httptools
from attrs import define, field, frozen

from tiercache.policy.hops import Hops, hops_from_headers
from tiercache.simple.negotiate import choose_encoding, negotiate
from tiercache.web.access_log import plain_agent
from tiercache.web.answer import Variant
from tiercache.web.host import is_host

MOST_BLOCKS = 512
"""How many are remembered; who makes up new ones makes the node read them, which is less than it does for a page."""

MOST_CONDITIONAL = 512
"""How many are, with what they say the client has: whoever looks for something new says the same each time."""

LONGEST_BLOCK = 4096
"""Longer ones are read by the stock channel, which bounds them."""

NOT_FOR_HERE = frozenset(
    [
        "cache-control",
        "content-length",
        "expect",
        "http2-settings",
        "pragma",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
"""Fields by which a client asks for more than what the path names, or sends more than a head."""

_BLOCK = re.compile(rb"(?:\r\n[A-Za-z0-9!#$%&'*+.^_`|~-]+:[\t\x20-\x7e]*)+\r\n\r\n")
_VALUE = re.compile(rb"[\t\x20-\x7e]*")
_IF_NONE_MATCH = b"\r\nIf-None-Match:", b"\r\nif-none-match:"
_RANGE = b"\r\nRange:", b"\r\nrange:"
_IF_RANGE = b"\r\nIf-Range:", b"\r\nif-range:"
_IN_BOTH_RANGES = b"ange:"
_MOST_CUT = 3


@frozen
class Conditions:
    """What a client has, and which part it wants, as it said so."""

    if_none_match: str | None = None
    range: str | None = None
    if_range: str | None = None


UNCONDITIONAL = Conditions()


class _NotPlain(Exception):
    """A line holds what is the stock channel's to read."""


@frozen(kw_only=True)
class Meaning:
    """`variant`: which of several representations is wanted, None where none of ours will do.

    `agent` and `forwarded` (X-Forwarded-For) are for the log.  `user_agent`: the whole of it; `hops`: where the request
    has been before.
    """

    variant: Variant
    agent: str
    user_agent: str
    hops: Hops
    forwarded: str | None
    conditions: Conditions


@define(kw_only=True)
class Heads:
    """The blocks that were read before.  `node_id`: what this node is called in Via; `most_fields` as in `Limits`."""

    _node_id: str | None
    _most_fields: int
    _known: dict[bytes, Meaning | None] = field(factory=dict, init=False)
    _conditional: dict[bytes, tuple[Meaning, Conditions]] = field(factory=dict, init=False)

    def read(self, block: bytes) -> tuple[Meaning, Conditions] | None:
        """What a block means, which begins with the end of the request line and ends with the empty line."""
        known = self._known.get(block)
        if known is not None:
            return known, known.conditions
        conditional = self._conditional.get(block)
        if conditional is not None or len(block) > LONGEST_BLOCK:
            return conditional
        return self._read_by_parts(block)

    def _read_by_parts(self, whole: bytes) -> tuple[Meaning, Conditions] | None:
        block = whole
        wanted = if_range = None
        try:
            block, if_none_match = _without(block, _IF_NONE_MATCH)
            if _IN_BOTH_RANGES in block:
                block, wanted = _without(block, _RANGE)
                block, if_range = _without(block, _IF_RANGE)
        except _NotPlain:
            return None
        meaning = self._known[block] if block in self._known else self._first_read(block)
        if meaning is None:
            return None
        if if_none_match is wanted is if_range is None:
            return meaning, meaning.conditions
        if meaning.conditions is not UNCONDITIONAL:
            return None  # said twice, maybe
        if len(self._conditional) >= MOST_CONDITIONAL:
            self._conditional.clear()
        read = self._conditional[whole] = meaning, Conditions(if_none_match, wanted, if_range)
        return read

    def _first_read(self, block: bytes) -> Meaning | None:
        if len(self._known) >= MOST_BLOCKS:
            self._known.clear()
        meaning = self._known[block] = meaning_of(block, self._node_id, self._most_fields - _MOST_CUT)
        return meaning


def _without(block: bytes, spellings: tuple[bytes, ...]) -> tuple[bytes, str | None]:
    """The block without the first such line, and what that line says.  Raises _NotPlain."""
    for begin in spellings:
        at = block.find(begin)
        if at >= 0:
            end = block.find(b"\r\n", at + 2)
            value = block[at + len(begin) : end]
            if not _VALUE.fullmatch(value):
                raise _NotPlain
            return block[:at] + block[end:], value.decode("ascii").strip(" \t")
    return block, None


def meaning_of(block: bytes, node_id: str | None, most_fields: int) -> Meaning | None:
    """The same of a block that nobody has read before.  Pure."""
    fields = _fields(block)
    if fields is None or len(fields.get("host", ())) != 1 or not is_host(fields["host"][0]):
        return None
    if not NOT_FOR_HERE.isdisjoint(fields) or sum(map(len, fields.values())) > most_fields:
        return None
    if any(line.lower() != "keep-alive" for line in fields.get("connection", ())):
        return None
    joined = {name: ", ".join(lines) for name, lines in fields.items()}  # RFC 9110 section 5.3
    hops = hops_from_headers(joined.get("via"), joined.get("cdn-loop"))
    if node_id is not None and hops.loop_at(node_id) is not None:
        return None
    syntax = negotiate(joined.get("accept"), None)
    return Meaning(
        variant=None if syntax is None else (syntax.content_type, choose_encoding(joined.get("accept-encoding"))),
        agent=plain_agent(fields["user-agent"][-1].encode("ascii")) if "user-agent" in fields else "-",
        user_agent=joined.get("user-agent", ""),
        hops=hops,
        forwarded=joined.get("x-forwarded-for"),
        conditions=_conditions(joined),
    )


def _conditions(joined: Mapping[str, str]) -> Conditions:
    found = Conditions(joined.get("if-none-match"), joined.get("range"), joined.get("if-range"))
    return UNCONDITIONAL if found == UNCONDITIONAL else found


@define
class _Fields:
    lines: dict[str, list[str]] = field(factory=dict)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.lines.setdefault(name.decode("ascii").lower(), []).append(value.decode("ascii").strip(" \t"))


def _fields(block: bytes) -> Mapping[str, list[str]] | None:
    """The fields of a block, by lower-case name; None for one that is not plain in every way."""
    if not _BLOCK.fullmatch(block):
        return None
    fields = _Fields()
    try:
        httptools.HttpRequestParser(fields).feed_data(b"GET / HTTP/1.1" + block)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    return fields.lines
