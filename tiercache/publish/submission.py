"""What is said of an archive that is to be published: by the form it came with, or by its filename alone.

Nothing here looks into the archive; `agreement` compares it with what stands in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from tiercache.publish.form import CONTENT, Form
from tiercache.simple.model import ProjectName
from tiercache.simple.names import FilenameKind


@frozen(kw_only=True)
class Submission:
    """What an uploader says of an archive.

    `version` is normalised (PEP 440).  `kind` is WHEEL or SDIST.  `digests`: what the archive's are claimed to be, by
    the names of `tiercache.simple.digests`; it has to be verified.  `metadata`: the other fields of the form, by their
    names there, each with its values; empty where there was no form.  `attestations` is JSON as it came (PEP 740).
    """

    project: ProjectName
    version: str
    filename: str
    kind: FilenameKind
    digests: Mapping[str, str] = field(factory=dict)
    metadata: Mapping[str, tuple[str, ...]] = field(factory=dict)
    attestations: bytes | None = None


def submission_of(form: Form, content: str = CONTENT) -> Submission:
    """What the upload form says of the archive in its part `content` (the form of twine and all others).

    Raises UploadRefused.
    """
    raise NotImplementedError


def submission_of_filename(filename: str, project: ProjectName | None = None) -> Submission:
    """What a filename alone says of an archive: one that was put, dropped or sent by pypicache's form.

    `project`: whose it is said to be, where that is said, as by the folder it is put in.  Raises UploadRefused.
    """
    raise NotImplementedError
