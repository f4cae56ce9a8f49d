"""One requirement (PEP 508), checked and written out as a resolver reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from packaging.requirements import InvalidRequirement, Requirement

from tiercache.errors import InvalidName
from tiercache.prefetch.inputs.gathering import Gathering, NotTaken
from tiercache.simple.names import normalise
from tiercache.wire.prefetch import Document

MOST_CHARACTERS = 8_192
"""Of one requirement, its digests aside."""

VERSION_CONTROL = ("git+", "hg+", "svn+", "bzr+")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".egg")


def requirement(text: str) -> Requirement:
    """The requirement that a text says; raises NotTaken for what is none, and for one that no index answers."""
    if len(text) > MOST_CHARACTERS:
        raise NotTaken(reason=f"it is longer than {MOST_CHARACTERS} characters")
    if not text.isprintable():
        raise NotTaken(reason="it holds characters that are no text")
    _refuse_places(text)
    try:
        found = Requirement(text)
        normalise(found.name)
    except InvalidRequirement as error:
        raise NotTaken(reason=f"it is no requirement: {str(error).splitlines()[0]}") from None
    except InvalidName:
        raise NotTaken(reason="its name is none that a project can have") from None
    except (ValueError, RecursionError):  # numbers and nestings beyond what Python reads
        raise NotTaken(reason="it is no requirement that can be read") from None
    if found.url is not None:
        raise NotTaken(reason=_place(found.url))
    return found


def written(found: Requirement) -> str:
    """As one line; raises NotTaken where its marker holds an end of line, which can be written as in Python."""
    line = str(found)
    if not line.isprintable():
        raise NotTaken(reason="it holds characters that are no text")
    return line


def requirement_line(text: str) -> str:
    """A requirement in the one way that it is written; raises NotTaken."""
    return written(requirement(text))


def constraint_line(text: str) -> str:
    """The same of a constraint, which asks for no extras."""
    found = requirement(text)
    found.extras = set()
    return written(found)


def keep_each(texts: Iterable[object], keep: Callable[[str], None], document: Document, gathering: Gathering) -> None:
    """Keeps every requirement of a list, and notes what is none."""
    for text in texts:
        try:
            if not isinstance(text, str):
                raise NotTaken(reason="it is no text")
            keep(requirement_line(text))
        except NotTaken as error:
            gathering.note(document.name, text if isinstance(text, str) else "a requirement", error.reason)


def _refuse_places(text: str) -> None:
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    lowered = first.lower()
    if "://" in first or lowered.startswith(("file:", *VERSION_CONTROL)):
        raise NotTaken(reason=_place(first))
    if lowered.startswith((".", "/", "~/", "~\\", "\\")) or lowered.endswith(_ARCHIVES) or lowered[1:3] == ":\\":
        raise NotTaken(reason="it is a path on somebody's machine, and comes from no index")


def _place(url: str) -> str:
    lowered = url.lower()
    if lowered.startswith(VERSION_CONTROL):
        return "it comes from version control, and from no index"
    if lowered.startswith("file:"):
        return "it is a file on somebody's machine, and comes from no index"
    return "it comes from a URL of its own, and from no index"
