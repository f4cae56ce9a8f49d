"""requirements.txt, in the way that pip reads it: requirements with digests; options and includes are told, not taken.

Includes are read by whoever has the files (the command line), and handed in as documents of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from attrs import frozen

from tiercache.prefetch.inputs.gathering import MOST_REQUIREMENTS, Gathering, NotTaken
from tiercache.prefetch.inputs.requirement import constraint_line, requirement_line
from tiercache.simple.digests import is_digest
from tiercache.wire.prefetch import Document

MOST_LINE_CHARACTERS = 256 * 1024
"""Of a line with those that continue it: hundreds of digests."""

MOST_SAYING = 2 * MOST_REQUIREMENTS
"""Lines that say something, of one document; none behind them is read."""

# One whitespace before the dash, and nothing that repeats before it: linear on any line.
_OPTIONS = re.compile(r"(?<!\S)--?[A-Za-z]")
_HASH = re.compile(r"(?<!\S)--hash[=\s]\s*(?P<hash>\S+)")
_HASH_TEXT = re.compile(r"(?P<algorithm>[a-z0-9_]+):(?P<value>[0-9A-Fa-f]+)")

_INCLUDES = {"-r": "requirements", "--requirement": "requirements", "-c": "constraints", "--constraint": "constraints"}
_INDEX_OPTIONS = frozenset(
    ["-i", "--index-url", "--pypi-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--trusted-host"]
)


@frozen
class _Line:
    number: int
    text: str
    is_whole: bool = True


def read_requirements(
    document: Document, gathering: Gathering, *, are_constraints: bool, names: frozenset[str] = frozenset()
) -> None:
    """The lines of a file; `names` are those of every document, whose includes are read already.

    Raises NotTaken where there are too many; those before are kept.
    """
    write = constraint_line if are_constraints else requirement_line
    keep = gathering.constrain if are_constraints else gathering.require
    for count, line in enumerate(_lines(document.text)):
        if count == MOST_SAYING:
            raise NotTaken(reason=f"of its lines {MOST_SAYING} are read, and no more")
        text = line.text
        try:
            if not line.is_whole:
                raise NotTaken(reason=f"it is longer than {MOST_LINE_CHARACTERS} characters")
            if text.startswith("-"):
                _pass_over(text, names)
                continue
            written, build_options = _taken(text, write)
            keep(written)
            if build_options:
                reason = "options of a build are passed over; the requirement before them is taken"
                gathering.note(document.name, build_options, reason, line.number)
        except NotTaken as error:
            gathering.note(document.name, text, error.reason, line.number)


def _taken(text: str, write: Callable[[str], str]) -> tuple[str, str]:
    """A requirement with its digests as one line, and the options behind it that are left out."""
    options = _OPTIONS.search(text)
    if options is None:
        return write(text), ""
    requirement, rest = text[: options.start()].strip(), text[options.start() :]
    digests = dict.fromkeys(_digest(found["hash"]) for found in _HASH.finditer(rest))
    line = " ".join([write(requirement), *(f"--hash={digest}" for digest in digests)])
    return line, _HASH.sub("", rest).strip()


def _digest(text: str) -> str:
    found = _HASH_TEXT.fullmatch(text)
    if found is None or not is_digest(found["algorithm"], found["value"].lower()):
        raise NotTaken(reason="one of its digests cannot be read")
    return f"{found['algorithm']}:{found['value'].lower()}"


def _pass_over(text: str, names: frozenset[str]) -> None:
    """Nothing, for an include that was handed in; raises NotTaken for every other option."""
    option, rest = _option(text)
    if option in _INCLUDES:
        if rest.replace("\\", "/").rpartition("/")[2] in names:
            return
        raise NotTaken(reason=f"includes are not followed: hand the file in, as {_INCLUDES[option]} of its own")
    if option in {"-e", "--editable"}:
        raise NotTaken(reason="it is built on somebody's machine, and comes from no index")
    if option in _INDEX_OPTIONS:
        raise NotTaken(reason="where files come from is told by this node's tiers, and not by a document")
    raise NotTaken(reason="it is an option of an installer")


def _option(text: str) -> tuple[str, str]:
    if text[:2] in {"-r", "-c", "-e", "-i", "-f"} and not text.startswith("--"):
        return text[:2], text[2:].lstrip(" \t=").strip("\"'")
    found = re.match(r"--[a-z-]+", text)
    option = found[0] if found else text[:2]
    return option, text[len(option) :].lstrip(" \t=").strip("\"'")


def _lines(text: str) -> Iterator[_Line]:
    """The lines that say something, joined where a backslash ends them, without comments."""
    parts: list[str] = []
    length = start = 0
    for number, raw in enumerate(text.splitlines(), 1):
        start = start if parts else number
        is_comment = raw.lstrip().startswith("#")
        continues = raw.endswith("\\") and not is_comment
        part = raw[:-1] if continues else raw
        # A comment among continued lines ends them, as pip has it.
        part = " " + part if is_comment and parts else part
        length += len(part)
        if length <= MOST_LINE_CHARACTERS or not parts:
            parts.append(part[: MOST_LINE_CHARACTERS + 1])
        if not continues:
            yield from _line(start, parts, length)
            parts, length = [], 0
    if parts:
        yield from _line(start, parts, length)


def _line(number: int, parts: list[str], length: int) -> Iterator[_Line]:
    is_whole = length <= MOST_LINE_CHARACTERS
    text = "".join(parts)
    if text := _without_comment(text).strip():
        yield _Line(number, text, is_whole)


def _without_comment(text: str) -> str:
    at = text.find("#")
    while at >= 0:
        if at == 0 or text[at - 1].isspace():
            return text[:at]
        at = text.find("#", at + 1)
    return text
