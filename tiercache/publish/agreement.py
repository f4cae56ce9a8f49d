"""Whether the filename, the form and the archive of an upload say the same.

A form that leaves something out is not asked for it; what is shown later is always what the archive says.
"""

from __future__ import annotations

from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from tiercache.errors import Disagreement, FieldRefused
from tiercache.publish.archive import ArchiveFacts
from tiercache.publish.submission import Submission
from tiercache.publish.wording import said
from tiercache.simple.names import FilenameKind

_A = {FilenameKind.WHEEL: "a wheel", FilenameKind.SDIST: "an sdist"}


def agreement(submission: Submission, facts: ArchiveFacts) -> None:
    """That the archive is the one that was announced.

    Raises Disagreement where it is not; FieldRefused for a requirement in the form that is none.
    """
    if facts.kind is not submission.kind:
        raise _disagreement(submission, f"it is {_A[facts.kind]}, not {_A[submission.kind]}")
    if facts.project != submission.project:
        raise _disagreement(submission, f"its metadata has the Name {facts.project}, not {submission.project}")
    if Version(facts.version) != Version(submission.version):
        raise _disagreement(submission, f"its metadata has the Version {facts.version}, not {submission.version}")
    stated = [text for text in submission.metadata.get("requires_dist", ()) if text]
    if stated:
        announced = _requirements(stated)
        found = {Requirement(text) for text in facts.requires_dist}
        if announced != found:
            odd = min(str(one) for one in announced ^ found)
            where = "metadata" if odd in {str(one) for one in found} else "form"
            raise _disagreement(submission, f"only its {where} has the Requires-Dist {odd}")
    for text in submission.metadata.get("requires_python", ()):
        if text and _specifiers(text) != SpecifierSet(facts.requires_python or ""):
            raise _disagreement(
                submission, f"its metadata has the Requires-Python {facts.requires_python or 'any'}, not {text}"
            )


def _requirements(texts: Iterable[str]) -> set[Requirement]:
    try:
        return {Requirement(text) for text in texts}
    except InvalidRequirement as error:
        raise FieldRefused(field="requires_dist", reason=f"is not valid: {said(error)}") from None


def _specifiers(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier as error:
        raise FieldRefused(field="requires_python", reason=f"is not valid: {said(error)}") from None


def _disagreement(submission: Submission, reason: str) -> Disagreement:
    return Disagreement(filename=submission.filename, reason=reason)
