"""Wheels that are made up for a resolver which builds nothing: one for each sdist of a page, the last that it takes.

What it answers says of such a wheel that it is needed, and the sdist is meant.  Nobody else ever sees one.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve
from msgspec.structs import replace
from packaging.utils import canonicalize_version

from tiercache.errors import InvalidName
from tiercache.simple.model import File, Page, ProjectName
from tiercache.simple.names import FilenameKind, parse_filename

ENDING = "-0sdist-py30-none-any.whl"
"""The tag that installers of every Python 3 like least, and a build tag that nobody else writes."""


def with_made_wheels(page: Page) -> Page:
    """A page that lists such a wheel for each of its sdists beside it; its URL is the sdist's."""
    return evolve(page, files=(*page.files, *_made(page.project, page.files)))


def is_made(filename: str) -> bool:
    """Whether a wheel is such a one."""
    return filename.endswith(ENDING)


def _made(project: ProjectName, files: Iterable[File]) -> Iterable[File]:
    for file in files:
        try:
            read = parse_filename(file.filename, project)
        except InvalidName:
            continue
        if read.kind is FilenameKind.SDIST and read.project == project and read.version is not None:
            version = canonicalize_version(read.version, strip_trailing_zero=False).replace("-", "_")
            name = f"{project.replace('-', '_')}-{version}{ENDING}"
            yield replace(file, filename=name, core_metadata=True, provenance=None, gpg_sig=None)
