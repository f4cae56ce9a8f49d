"""What is to be known of a page before it is stored.  Pure, and not cheap where it lists thousands of files."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen
from msgspec.structs import replace

from tiercache.simple.model import FileIdentity, Page
from tiercache.simple.names import candidate_projects, identity_of
from tiercache.simple.stored import dump_page


@frozen(kw_only=True)
class Examined:
    """`odd_files`: those whose names do not tell whose they are.  `encoded`: the page as it is stored.

    `looks_the_same`: as the one that it takes the place of.
    """

    odd_files: Sequence[FileIdentity]
    encoded: bytes
    looks_the_same: bool


def examined(page: Page, old: Page | None) -> Examined:
    """Look at a page, and at the one that was there, if there was one."""
    return Examined(
        odd_files=odd_files(page),
        encoded=dump_page(page),
        looks_the_same=old is not None and _look_the_same(old, page),
    )


def odd_files(page: Page) -> list[FileIdentity]:
    """The files of a page whose names do not tell that they are its project's."""
    return [identity_of(file) for file in page.files if page.project not in candidate_projects(file.filename)]


def _look_the_same(old: Page, new: Page) -> bool:
    """Whether two pages are the same to who asks here: where a tier has its files is shown to nobody."""
    if old == new:
        return True
    if len(old.files) != len(new.files) or evolve(old, files=(), listed_by={}) != evolve(new, files=(), listed_by={}):
        return False
    return all(replace(file, url=other.url) == other for file, other in zip(old.files, new.files, strict=True))
