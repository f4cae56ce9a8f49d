"""What stands in a sentence of ours and is somebody else's: names out of archives, and errors of libraries."""

from __future__ import annotations

_LONGEST_NAME, _LONGEST_ERROR = 100, 300


def shown(name: str) -> str:
    """A name, in quotes and in ASCII, so that it looks like nothing that it is not."""
    return ascii(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}...")


def said(error: BaseException) -> str:
    """What an error says, on one line, of characters that can be seen."""
    text = " ".join(str(error).split())[:_LONGEST_ERROR]
    return "".join(letter if letter.isprintable() else "?" for letter in text).rstrip(".")
