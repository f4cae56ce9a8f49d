"""What uv says, as it is shown to people: without the address and the password by which it read this node."""

from __future__ import annotations

import re

MOST_CHARACTERS = 8_000

NO_WAY = "no solution found"
"""By these words uv tells requirements that cannot be met from whatever else may go wrong."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]", re.ASCII)


def is_no_way(said: str) -> bool:
    """Whether it has looked everywhere, and the requirements cannot be met together."""
    return NO_WAY in said.lower()


def scrubbed(said: str, *, base_url: str, password: str, folder: str) -> str:
    """The words for people: `base_url` is `this node`, and neither `password` nor `folder` is there."""
    words = _COLOURS.sub("", said)
    authority = re.escape(base_url.partition("://")[2].rstrip("/"))
    words = re.sub(rf"https?://(?:[^\s/@`]*@)?{authority}(/[^\s`'\")]*)?", _named, words)
    words = re.sub(authority, "this node", words)
    for secret in filter(None, (password, f"{folder}/", folder)):
        words = words.replace(secret, "")
    kept = [_shown(line) for line in words.splitlines() if not line.lstrip().lower().startswith("warning:")]
    return "\n".join(line for line in kept if line.strip("^"))[:MOST_CHARACTERS]


def _named(found: re.Match[str]) -> str:
    path = (found[1] or "").strip("/").removeprefix("sdists/")
    return f"this node's /{path}" if path else "this node"


def _shown(line: str) -> str:
    line = "".join(character if character.isprintable() else " " for character in line).strip()
    return line.removeprefix("error: ").removeprefix("cause: ")
