"""The legacy upload form of a file that came without one: that was put, dropped, or is promoted from here.

As twine fills it in, from the file's own core metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from packaging.metadata import parse_email

from tiercache.interfaces import FormField, FormFile, UploadForm
from tiercache.publish.form import CONTENT
from tiercache.publish.submission import UPLOAD, Submission
from tiercache.simple.names import FilenameKind

_DIGESTS: Mapping[str, str] = {"sha256": "sha256_digest", "blake2b_256": "blake2_256_digest", "md5": "md5_digest"}
_RENAMED: Mapping[str, str] = {
    "platforms": "platform",
    "supported_platforms": "supported_platform",
    "license_files": "license_file",
}
_SAID_ALREADY = frozenset({"metadata_version", "name", "version"})


def legacy_form(
    submission: Submission,
    *,
    core_metadata: bytes | None,
    hashes: Mapping[str, str],
    size_bytes: int,
    read: Callable[[int, int], bytes],
) -> UploadForm:
    """The form of a file.

    `core_metadata`: its METADATA or PKG-INFO; None leaves out what only stands there.  `hashes`: its digests, by
    algorithm.  `read` as in `FormFile`.
    """
    said = {} if core_metadata is None else dict(parse_email(core_metadata)[0])
    is_wheel = submission.kind is FilenameKind.WHEEL
    python = submission.filename.removesuffix(".whl").split("-")[-3] if is_wheel else "source"
    texts: list[tuple[str, str]] = [
        (":action", UPLOAD),
        ("protocol_version", "1"),
        ("metadata_version", str(said.get("metadata_version", "2.1"))),
        ("name", str(said.get("name", submission.project))),
        ("version", submission.version),
        ("filetype", "bdist_wheel" if is_wheel else "sdist"),
        ("pyversion", python),
        *((_DIGESTS[name], value) for name, value in hashes.items() if name in _DIGESTS),
        *(
            (_RENAMED.get(name, name), text)
            for name, value in said.items()
            if name not in _SAID_ALREADY
            for text in _texts(name, value)
        ),
    ]
    parts: list[FormField | FormFile] = [FormField(name=name, value=text.encode()) for name, text in texts]
    if submission.attestations is not None:
        parts.append(FormField(name="attestations", value=submission.attestations))
    file = FormFile(name=CONTENT, filename=submission.filename, size_bytes=size_bytes, read=read)
    return UploadForm(parts=(*parts, file))


def _texts(name: str, value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            if name == "keywords":
                yield ",".join(map(str, value))
            else:
                yield from map(str, value)
        case dict():
            for label, url in value.items():
                yield f"{label}, {url}"
