"""Attestations (PEP 740): their shape, and that they are about the file they came with.

Their signatures are not verified: that is for whoever installs, who knows which publishers to trust.  What is not known
here is kept and passed on as it came.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec
from attrs import frozen
from packaging.utils import parse_wheel_filename

from tiercache.errors import AttestationsRefused, FilenameRefused
from tiercache.publish.filename import published_filename
from tiercache.simple.names import FilenameKind

MAX_ATTESTATIONS = 16
"""How many attestations may come with one file: one of each kind (publish, provenance of the build) is usual."""

STATEMENT = "https://in-toto.io/Statement/v1"
"""What an attestation's statement says that it is."""

T = TypeVar("T")


@frozen(kw_only=True)
class _Material:
    certificate: str
    transparency_entries: list[dict[str, Any]]


@frozen(kw_only=True)
class _Envelope:
    statement: str
    signature: str


@frozen(kw_only=True)
class _Attestation:
    version: Literal[1]
    verification_material: _Material
    envelope: _Envelope


@frozen(kw_only=True)
class _Subject:
    name: str
    digest: dict[str, str]


@frozen(kw_only=True)
class _Statement:
    _type: str
    subject: list[_Subject]
    predicateType: str  # noqa: N815  # in-toto's own spelling


class _Unfit(Exception):
    """Why attestations are not kept."""


def provenance_of(attestations: bytes, *, filename: str, sha256: str, publisher: Mapping[str, Any]) -> bytes:
    """The provenance object (JSON) that holds these attestations, which came from `publisher` (with a `kind`).

    `attestations`: the field of the form, a JSON array.  Raises AttestationsRefused if one is not of the shape of PEP
    740, or not about the file of that name and SHA-256.
    """
    try:
        return _provenance_of(attestations, filename, sha256, publisher)
    except _Unfit as error:
        raise AttestationsRefused(filename=filename, reason=str(error)) from None


def _provenance_of(attestations: bytes, filename: str, sha256: str, publisher: Mapping[str, Any]) -> bytes:
    given = _decoded(attestations, list[msgspec.Raw], "they are not a JSON array")
    if not given:
        raise _Unfit("there are none")
    if len(given) > MAX_ATTESTATIONS:
        raise _Unfit(f"there are more than {MAX_ATTESTATIONS}")
    for one in given:
        _check(_decoded(bytes(one), _Attestation, "one is not of the shape of PEP 740"), filename, sha256)
    bundle = {"publisher": dict(publisher), "attestations": given}
    return msgspec.json.encode({"version": 1, "attestation_bundles": [bundle]})


def _check(attestation: _Attestation, filename: str, sha256: str) -> None:
    _from_base64(attestation.verification_material.certificate, "certificate")
    if not attestation.verification_material.transparency_entries:
        raise _Unfit("one has no transparency entries")
    _from_base64(attestation.envelope.signature, "signature")
    statement = _decoded(
        _from_base64(attestation.envelope.statement, "statement"), _Statement, "one has no statement in it"
    )
    if statement._type != STATEMENT:
        raise _Unfit(f"one has a statement that is not an {STATEMENT}")
    if len(statement.subject) != 1:
        raise _Unfit(f"one is about {len(statement.subject)} files, not one")
    subject = statement.subject[0]
    if not _is_name_of(subject.name, filename):
        raise _Unfit(f"one is about {subject.name[:300]!a}")
    if subject.digest.get("sha256") != sha256:
        raise _Unfit("one is about a file with another SHA-256")


def _is_name_of(name: str, filename: str) -> bool:
    """Whether both name the same file; PEP 740 compares them parsed, for tools spell the project's name differently."""
    if name == filename:
        return True
    try:
        other, this = published_filename(name), published_filename(filename)
    except FilenameRefused:
        return False
    if other.kind is FilenameKind.WHEEL or this.kind is FilenameKind.WHEEL:
        return other.kind is this.kind and parse_wheel_filename(name) == parse_wheel_filename(filename)
    ending = ".zip" if name.endswith(".zip") else ".tar.gz"
    return (other.project, other.version) == (this.project, this.version) and filename.endswith(ending)


def _decoded(data: bytes, shape: type[T], otherwise: str) -> T:
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:  # ValueError: text that is no UTF-8
        raise _Unfit(f"{otherwise} ({error})") from None


def _from_base64(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        raise _Unfit(f"one has a {what} that is not in base64")
    return data
