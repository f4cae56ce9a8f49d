"""What tiers that may be asked beside a hosted project (`also-upstream`) may add to it: nothing that is hidden here.

A deleted file's name is not to mean other bytes, whoever has them; a quarantined project offers no files at all.
"""

from __future__ import annotations

from attrs import evolve

from tiercache.cache.hosted import Hosted
from tiercache.interfaces import ICatalogue
from tiercache.policy.removed import is_quarantined
from tiercache.simple.model import Page, ProjectName


def hides(hosted: Hosted, catalogue: ICatalogue, project: ProjectName, filename: str) -> bool:
    """Whether a file of that name is nobody's to offer."""
    page = hosted.page(project)
    return page is not None and (is_quarantined(page) or catalogue.deleted(project, filename) is not None)


def behind(hosted: Hosted, catalogue: ICatalogue, project: ProjectName, others: Page) -> Page:
    """What may stand behind this node's own files of a page of such tiers."""
    page = hosted.page(project)
    if page is not None and is_quarantined(page):
        return evolve(others, files=())
    deleted = {file.listing.filename for file in catalogue.deleted_of(project)}
    if not deleted:
        return others
    return evolve(others, files=tuple(file for file in others.files if file.filename not in deleted))
