"""A page of `docs/` that several benchmarks write, each its own section."""

from __future__ import annotations

from collections.abc import Iterator


def with_section(page: str, heading: str, text: str) -> str:
    """The page with `text` as its section `## heading`, in the place of the one before; a new one goes to the end."""
    sections = list(_sections(page))
    mine = f"## {heading}\n\n{text.strip()}\n\n"
    for number, section in enumerate(sections):
        if section.splitlines()[:1] == [f"## {heading}"]:
            sections[number] = mine
            break
    else:
        sections.append(mine)
    return "".join(f"{section.strip()}\n\n" for section in sections).rstrip("\n") + "\n"


def _sections(page: str) -> Iterator[str]:
    """The text before the first heading of the second level, and each section with its heading."""
    gathered: list[str] = []
    for line in page.splitlines(keepends=True):
        if line.startswith("## ") and gathered:
            yield "".join(gathered)
            gathered = []
        gathered.append(line)
    if gathered:
        yield "".join(gathered)
