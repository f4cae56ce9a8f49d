"""Scripts that say in a comment what they need (PEP 723)."""

from __future__ import annotations

from collections.abc import Iterator

from tiercache.prefetch.inputs.gathering import Gathering, NotTaken
from tiercache.prefetch.inputs.requirement import keep_each
from tiercache.prefetch.inputs.structured import items, toml
from tiercache.wire.prefetch import Document

SCRIPT = "# /// script"
SCRIPT_END = "# ///"


def read_script(document: Document, gathering: Gathering) -> None:
    """The requirements in the block of a script; raises NotTaken where it has none, or more than one."""
    blocks = list(_script_blocks(document.text))
    if len(blocks) != 1:
        raise NotTaken(reason="it has no block of a script (PEP 723)" if not blocks else "it has several blocks")
    keep_each(items(toml(blocks[0]), "dependencies"), gathering.require, document, gathering)


def _script_blocks(text: str) -> Iterator[str]:
    # Line by line, as the expression in PEP 723 looks at the lines of an open block again and again.
    lines: list[str] | None = None
    end: int | None = None
    for line in [*text.splitlines(), ""]:
        if lines is None:
            lines, end = ([], None) if line.rstrip() == SCRIPT else (None, None)
        elif line == "#" or line.startswith("# "):
            if line.rstrip() == SCRIPT_END:
                end = len(lines)
            lines.append(line[2:])
        else:
            if end is not None:
                yield "\n".join(lines[:end])
            lines = [] if line.rstrip() == SCRIPT else None
