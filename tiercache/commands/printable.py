"""Texts of other nodes on a terminal: nothing in them moves its cursor."""

from __future__ import annotations


def printable(text: str) -> str:
    """A text in one line, with a mark in place of what is not printed."""
    return "".join(character if character.isprintable() else "?" for character in text)


def printable_lines(text: str) -> str:
    """The same, its lines kept."""
    return "\n".join(map(printable, text.splitlines()))
