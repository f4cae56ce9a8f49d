"""Documents in, inputs out: whatever is handed in, the rest goes on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from attrs import evolve

from tiercache.prefetch.inputs.formats import Format, format_of
from tiercache.prefetch.inputs.gathering import EVERY, Gathering, NotTaken, Parts
from tiercache.prefetch.inputs.inputs import Inputs
from tiercache.prefetch.inputs.pdm_lock import read_pdm_lock
from tiercache.prefetch.inputs.pipfile_lock import read_pipfile_lock
from tiercache.prefetch.inputs.poetry_lock import read_poetry_lock
from tiercache.prefetch.inputs.pylock import read_pylock
from tiercache.prefetch.inputs.pyproject import read_pyproject
from tiercache.prefetch.inputs.requirements_txt import read_requirements
from tiercache.prefetch.inputs.script import read_script
from tiercache.prefetch.inputs.text import MOST_LINES, has_too_many_lines
from tiercache.prefetch.inputs.uv_lock import read_uv_lock
from tiercache.wire.prefetch import Document


def read(
    documents: Iterable[Document],
    constraints: Iterable[Document] = (),
    *,
    groups: Iterable[str] = (),
    extras: Iterable[str] = (),
) -> Inputs:
    """What documents ask for, in the order in which they do; it never raises.

    `constraints` are requirements.txt files.  `groups` and `extras`: which parts beside the main one (`all`: each).
    It takes the processor for as long as the documents are long, so it is to run in the pool.
    """
    documents, constraints = tuple(documents), tuple(constraints)
    gathering = Gathering(parts=Parts.of(groups=groups, extras=extras))
    names = frozenset(document.name for document in (*documents, *constraints))
    for document in documents:
        _read(document, gathering, names, are_constraints=False)
    for document in constraints:
        _read(document, gathering, names, are_constraints=True)
    for kind, wanted, known in (
        ("group", gathering.parts.groups, gathering.known_groups),
        ("extra", gathering.parts.extras, gathering.known_extras),
    ):
        for name in sorted(wanted - known - {EVERY}):
            gathering.note("", f"the {kind} {name}", f"no document has {'an' if kind == 'extra' else 'a'} {kind} of it")
    return gathering.inputs()


def _read(document: Document, gathering: Gathering, names: frozenset[str], *, are_constraints: bool) -> None:
    text = document.text.removeprefix("\ufeff")
    document = evolve(document, text=text)
    try:
        if "\0" in text:
            raise NotTaken(reason="it is no text")
        if has_too_many_lines(text):
            raise NotTaken(reason=f"it has more than {MOST_LINES} lines")
        kind = Format.REQUIREMENTS if are_constraints else format_of(document)
        match kind:
            case Format.REQUIREMENTS:
                read_requirements(document, gathering, are_constraints=are_constraints, names=names)
            case Format.PYLOCK:
                read_pylock(document, gathering)
            case Format.UV_LOCK:
                read_uv_lock(document, gathering)
            case Format.POETRY_LOCK:
                read_poetry_lock(document, gathering)
            case Format.PDM_LOCK:
                read_pdm_lock(document, gathering)
            case Format.PIPFILE_LOCK:
                read_pipfile_lock(document, gathering)
            case Format.PYPROJECT:
                read_pyproject(document, gathering)
            case Format.SCRIPT:
                read_script(document, gathering)
            case _:
                assert_never(kind)
    except NotTaken as error:
        gathering.note(document.name, document.name, error.reason)
