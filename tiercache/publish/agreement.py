"""Whether the filename, the form and the archive of an upload say the same."""

from __future__ import annotations

from tiercache.publish.archive import ArchiveFacts
from tiercache.publish.submission import Submission


def agreement(submission: Submission, facts: ArchiveFacts) -> None:
    """Raises Disagreement where the archive is another than the one that was announced."""
    raise NotImplementedError
