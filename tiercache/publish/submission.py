"""What is said of an archive that is to be published: by the form it came with, or by its filename alone.

The form is the one that twine, uv, flit, poetry, hatch, pdm and the older setuptools send, with all that differs among
them.  Nothing here looks into the archive; `agreement` compares it with what stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import field, frozen
from packaging.version import InvalidVersion, Version

from tiercache.errors import Disagreement, FieldRefused, FilenameRefused, InvalidName, UploadRefused
from tiercache.publish.filename import published_filename
from tiercache.publish.form import CONTENT, FORM_BYTES, MAX_PARTS, FilePart, Form, limit_of, too_long
from tiercache.simple.digests import read_digests
from tiercache.simple.model import ProjectName
from tiercache.simple.names import Filename, FilenameKind, normalise

UPLOAD = "file_upload"
"""The one `:action` that publishes."""

_OTHER_ACTIONS: Mapping[str, str] = {
    "submit": "asks to register a project, which is not needed: it is there with its first file (file_upload)",
    "verify": "asks to check metadata, which is done when a file comes with it (file_upload)",
    "submit_pkg_info": "asks to register a project, which is not needed: it is there with its first file (file_upload)",
    "remove_pkg": "asks to remove a release, which is not done by this form",
    "doc_upload": "brings documentation, which is not kept here",
}

# In the form under these names, and among a file's digests under those.
_DIGESTS: Mapping[str, str] = {"sha256_digest": "sha256", "blake2_256_digest": "blake2b", "md5_digest": "md5"}

_KINDS: Mapping[str, FilenameKind] = {"sdist": FilenameKind.SDIST, "bdist_wheel": FilenameKind.WHEEL}

_REQUIRED = (":action", "metadata_version", "name", "version", "filetype")
_READ_HERE = frozenset([*_REQUIRED, *_DIGESTS, "protocol_version", "attestations"])

# Whatever else may be said more than once; a field that is not known may, too.
_ONCE = _READ_HERE | {
    "author",
    "author_email",
    "comment",
    "description",
    "description_content_type",
    "download_url",
    "home_page",
    "license",
    "license_expression",
    "maintainer",
    "maintainer_email",
    "pyversion",
    "requires_python",
    "summary",
}
_IGNORED = frozenset({"gpg_signature"})  # nobody has looked at them for years

_MAX_METADATA_MAJOR = 2

# Tabs, line ends and form feeds stand in descriptions and licences; nothing else of that sort is text.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_CONTROL_OR_LINE_END = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


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


def submission_of(form: Form) -> Submission:
    """What the upload form says of the archive in its part `content`.

    Everything that is required is there, once, in bounds, and is text; name, version and filetype are those that the
    filename says.  Raises UploadRefused.
    """
    said = _texts(form)
    action = _one(said, ":action")
    if action != UPLOAD:
        raise FieldRefused(field=":action", reason=_OTHER_ACTIONS.get(action, f"is {action!r}, not {UPLOAD!r}"))
    if _one(said, "protocol_version", "1") != "1":
        raise FieldRefused(field="protocol_version", reason="is not 1, the only version that there is")
    _check_metadata_version(_one(said, "metadata_version"))
    project = _project(_one(said, "name"))
    version = _version(_one(said, "version"))
    kind = _kind(_one(said, "filetype"))
    read = published_filename(sole_file(form, CONTENT).filename, project)
    _check_filename(read, project, version, kind)
    attestations = _one(said, "attestations", "")
    return Submission(
        project=project,
        version=version,
        filename=read.text,
        kind=kind,
        digests=_digests(said),
        metadata={name: tuple(values) for name, values in said.items() if name not in _READ_HERE},
        attestations=attestations.encode() if attestations else None,
    )


def submission_of_filename(filename: str, project: ProjectName | None = None) -> Submission:
    """What a filename alone says of an archive: one that was put, dropped or sent by pypicache's form.

    `project`: whose it is said to be, where that is said, as by the folder it is put in.  Raises UploadRefused.
    """
    read = published_filename(filename, project)
    if read.project is None or read.version is None:
        raise FilenameRefused(filename=filename, reason="it does not tell a project and a version")
    if project not in {None, read.project}:
        raise Disagreement(filename=filename, reason=f"it is of the project {read.project}, not of {project}")
    return Submission(project=read.project, version=read.version, filename=filename, kind=read.kind)


def sole_file(form: Form, name: str) -> FilePart:
    """The one part of a form that has a file under this name; raises FieldRefused if it is missing or doubled."""
    parts = [part for part in form.files if part.name == name]
    if len(parts) > 1:
        raise FieldRefused(field=name, reason=f"has {len(parts)} files, not one")
    if not parts:
        raise FieldRefused(field=name, reason="is missing, and with it the file")
    return parts[0]


# -- the parts of the form ----------------------------------------------------------------------------------------


def _texts(form: Form) -> dict[str, list[str]]:
    """The values of each field; raises UploadRefused for one that is too long, no text, or there too often."""
    if len(form.fields) + len(form.files) > MAX_PARTS:
        raise UploadRefused(reason=f"its form has more than {MAX_PARTS} parts")
    if sum(len(part.name) + len(part.value) for part in form.fields) > FORM_BYTES:
        raise UploadRefused(reason=f"its form has more than {FORM_BYTES} bytes besides the file")
    said: dict[str, list[str]] = {}
    for part in form.fields:
        if part.name in _IGNORED:
            continue
        if part.name == CONTENT:
            raise FieldRefused(field=CONTENT, reason="has no filename")
        if len(part.name) > limit_of("name") or _CONTROL_OR_LINE_END.search(part.name):
            raise UploadRefused(reason="its form has a field whose name is none")
        if len(part.value) > limit_of(part.name):
            raise too_long(part.name)
        said.setdefault(part.name, []).append(_text(part.name, part.value))
    for name, values in said.items():
        if name in _ONCE and len(values) > 1:
            raise FieldRefused(field=name, reason=f"is there {len(values)} times, not once")
    return said


def _text(name: str, value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise FieldRefused(field=name, reason="is not text in UTF-8") from None
    if (_CONTROL_OR_LINE_END if name in _READ_HERE - {"attestations"} else _CONTROL).search(text):
        raise FieldRefused(field=name, reason="has control characters in it")
    return text


def _one(said: Mapping[str, list[str]], name: str, default: str | None = None) -> str:
    values = said.get(name)
    if not values:
        if default is None:
            raise FieldRefused(field=name, reason="is missing")
        return default
    if not values[0]:
        if default is None:
            raise FieldRefused(field=name, reason="is empty")
        return default
    return values[0]


# -- what they say ------------------------------------------------------------------------------------------------


def _check_metadata_version(text: str) -> None:
    # Its minor part says little: some clients say one version here, and another in the archive.
    major, _, minor = text.partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        raise FieldRefused(field="metadata_version", reason="is not a version of the core metadata, such as 2.1")
    if int(major) > _MAX_METADATA_MAJOR:
        raise FieldRefused(field="metadata_version", reason="is newer than what this node understands")


def _project(text: str) -> ProjectName:
    try:
        return normalise(text)
    except InvalidName:
        raise FieldRefused(
            field="name", reason="is not a project's name: letters and digits of ASCII, with . - _ between them"
        ) from None


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion:
        raise FieldRefused(field="version", reason="is not a version by PEP 440, such as 1.0.post2") from None


def _kind(text: str) -> FilenameKind:
    kind = _KINDS.get(text)
    if kind is None:
        raise FieldRefused(field="filetype", reason=f"is {text!r}; only sdist and bdist_wheel are published")
    return kind


def _check_filename(read: Filename, project: ProjectName, version: str, kind: FilenameKind) -> None:
    if read.kind is not kind:
        raise FieldRefused(field="filetype", reason=f"says {kind.value}, and the filename says {read.kind.value}")
    if read.project != project:
        raise FieldRefused(field="name", reason=f"says {project}, and the filename says {read.project}")
    if read.version is None or Version(read.version) != Version(version):
        raise FieldRefused(field="version", reason=f"says {version}, and the filename says {read.version}")


def _digests(said: Mapping[str, list[str]]) -> dict[str, str]:
    digests: dict[str, str] = {}
    for name, algorithm in _DIGESTS.items():
        try:
            digests.update(read_digests({algorithm: _one(said, name, "")}))
        except ValueError:
            raise FieldRefused(field=name, reason="is not a digest in hex of the right length") from None
    if not digests:
        raise UploadRefused(reason="its form has none of sha256_digest, blake2_256_digest and md5_digest")
    return digests
