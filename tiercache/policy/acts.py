"""Acts: what was done to hosted projects, by whom and when; the audit trail is made of them.

Values and words.  They are written with what they tell of (`ICatalogue.store_hosted`), and never changed.
"""

from __future__ import annotations

from attrs import frozen

# What was done.  A reader shows a word that it does not know as it is.
PUBLISHED = "published"
YANKED = "yanked"
UNYANKED = "unyanked"
STATUS = "status"
"""The project's status (PEP 792) is another; `detail` says which, and why."""
DELETED = "deleted"
"""A file is no longer to be had, and may be restored for a time."""
RESTORED = "restored"
EXPIRED = "expired"
"""A deleted file's bytes are gone for good; its name stays taken."""
WITHDRAWN = "withdrawn"
"""What was hosted went without leaving a trace: a dropped file that is in its folder no more."""
RELEASED = "released"
"""A project's name is hosted here no longer."""
PROMOTED = "promoted"
"""A release was handed to another tier; `detail` says which, and what became of it."""


@frozen(kw_only=True)
class NewAct:
    """An act that is about to be written.

    `by`: who, as the guard names them (`alice`, `token ci of alice`, `operator`), "" for nobody that is known.
    `filename` is empty for what is about a whole project, `project` for what is about none.
    """

    what: str
    project: str = ""
    filename: str = ""
    by: str = ""
    detail: str = ""


@frozen(kw_only=True)
class Act:
    """An act as it stands in the trail: `number` counts from one on, `at` in seconds since 1970."""

    number: int
    at: float
    what: str
    project: str = ""
    filename: str = ""
    by: str = ""
    detail: str = ""

    @classmethod
    def of(cls, act: NewAct, *, number: int, at: float) -> Act:
        """This act, done then."""
        return cls(
            number=number,
            at=at,
            what=act.what,
            project=act.project,
            filename=act.filename,
            by=act.by,
            detail=act.detail,
        )
