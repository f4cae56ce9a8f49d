"""The records beside hosted files: JSON that says all there is to know of one but its bytes, and the truth about it.

A catalogue that is lost is made anew of them, and what moves a store elsewhere can do without a catalogue.  One record
for each file that was ever hosted under its name, deleted ones included, and one for each project.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from attrs import evolve, field, frozen

from tiercache.errors import TiercacheError
from tiercache.simple.model import File, ProjectName, ProjectStatus
from tiercache.simple.names import parse_filename

T = TypeVar("T")

FORMAT = 1
"""Counted up whenever a record written before can no longer be read as what it meant."""


@frozen(kw_only=True, slots=False)
class RecordUnusable(TiercacheError):
    """A record beside a hosted file cannot be used: {reason}."""

    reason: str


@frozen(kw_only=True)
class RecordedAct:
    """What was done to a file or project, in the words of `policy.acts`; `at` in seconds since 1970."""

    at: float
    what: str
    by: str = ""
    detail: str = ""


@frozen(kw_only=True)
class HostedFile:
    """One file, as it was published and what became of it.

    `hashes`: algorithm to lower-case hex digest, as pages show them; the bytes are in the store under `sha256`.
    `digests`: all that are known, those of the uploader verified.
    `version` as the filename tells it.  `attachments`: what came along and cannot be made from the bytes, by kind
    (`metadata`, `provenance`), in base64.  `position` orders the files of a project.  `deleted_at`: since when it is to
    be had no more, in seconds since 1970, and `is_kept` whether its bytes are still there.
    """

    format: int = FORMAT
    project: str
    filename: str
    version: str | None = None
    sha256: str
    hashes: Mapping[str, str]
    digests: Mapping[str, str] = field(factory=dict)
    size: int
    position: int
    requires_python: str | None = None
    core_metadata: Mapping[str, str] | bool | None = None
    gpg_sig: bool | None = None
    yanked: bool | str = False
    upload_time: str | None = None
    uploaded_at: float
    uploaded_by: str = ""
    extra: Mapping[str, Any] = field(factory=dict)
    attachments: Mapping[str, bytes] = field(factory=dict)
    deleted_at: float | None = None
    is_kept: bool = True
    acts: tuple[RecordedAct, ...] = ()

    @classmethod
    def of(
        cls,
        project: ProjectName,
        file: File,
        *,
        size: int,
        position: int,
        at: float,
        by: str,
        attachments: Mapping[str, bytes],
        digests: Mapping[str, str] | None = None,
    ) -> HostedFile:
        """Of a file that is published now."""
        return cls(
            project=project,
            filename=file.filename,
            version=parse_filename(file.filename, project).version,
            sha256=file.hashes["sha256"],
            hashes=dict(file.hashes),
            digests={**(digests or {}), **file.hashes},
            size=size,
            position=position,
            requires_python=file.requires_python,
            core_metadata=file.core_metadata,
            gpg_sig=file.gpg_sig,
            yanked=file.yanked,
            upload_time=file.upload_time,
            uploaded_at=at,
            uploaded_by=by,
            extra=dict(file.extra),
            attachments=dict(attachments),
        )

    def listing(self) -> File:
        """The file as the page of its project lists it."""
        url = hosted_url(self.sha256, self.filename)
        return File(
            filename=self.filename,
            url=url,
            hashes=self.hashes,
            requires_python=self.requires_python,
            core_metadata=self.core_metadata,
            gpg_sig=self.gpg_sig,
            yanked=self.yanked,
            size=self.size,
            upload_time=self.upload_time,
            provenance=f"{url}.provenance" if "provenance" in self.attachments else None,
            extra=self.extra,
        )

    def after(self, act: RecordedAct, **changes: Any) -> HostedFile:
        """The record once this was done."""
        return evolve(self, acts=(*self.acts, act), **changes)


@frozen(kw_only=True)
class HostedProject:
    """One project.  `is_hosted`: its name is taken here, whether it has files or not; else it was released."""

    format: int = FORMAT
    project: str
    is_hosted: bool = True
    status: ProjectStatus | None = None
    acts: tuple[RecordedAct, ...] = ()

    def after(self, act: RecordedAct, **changes: Any) -> HostedProject:
        """The record once this was done."""
        return evolve(self, acts=(*self.acts, act), **changes)


def hosted_url(sha256: str, filename: str) -> str:
    """What stands for a URL on the page of a hosted project, which no other node ever sees."""
    return f"here:{sha256}/{filename}"


def dump_record(record: HostedFile | HostedProject) -> bytes:
    """A record as JSON for people and programs."""
    return msgspec.json.format(_ENCODER.encode(record), indent=2) + b"\n"


def load_file(data: bytes) -> HostedFile:
    """The inverse of `dump_record`.  Raises RecordUnusable."""
    return _loaded(_FILES, data)


def load_project(data: bytes) -> HostedProject:
    """The inverse of `dump_record`.  Raises RecordUnusable."""
    return _loaded(_PROJECTS, data)


def _loaded(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    try:
        record: Any = decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecordUnusable(reason=f"it is no record of this version's format ({error})") from None
    if record.format != FORMAT:
        raise RecordUnusable(reason=f"its format is {record.format}, not {FORMAT}")
    loaded: T = record
    return loaded


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)
_FILES = msgspec.json.Decoder(HostedFile)
_PROJECTS = msgspec.json.Decoder(HostedProject)
