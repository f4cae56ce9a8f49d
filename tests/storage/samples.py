"""Small values to store."""

from __future__ import annotations

import gc
import hashlib
from pathlib import Path
from typing import Any

from tiercache.interfaces import Attachment, FileRecord, IFiles, StoredEntry
from tiercache.policy.entry import Head, Validators
from tiercache.simple.model import File, FileIdentity, ProjectName

ACME = ProjectName("acme-rocket")
ZOO = ProjectName("zoo")


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_name(data: bytes) -> FileIdentity:
    return FileIdentity("sha256", digest_of(data))


def url_name(url: str) -> FileIdentity:
    return FileIdentity("url", digest_of(url.encode()))


def stored(files: IFiles, data: bytes) -> str:
    """Bring a file in, and return its SHA-256."""
    partial = files.begin()
    partial.write(data)
    partial.commit(digest_of(data))
    partial.discard()
    return digest_of(data)


def head(**changes: Any) -> Head:
    values: dict[str, Any] = {"tier": "public", "requested_at": 1000.25, "received_at": 1000.5}
    return Head(**values | changes)


FULL_HEAD = head(
    date=999.0,
    age_s=12.5,
    lifetime_s=600.0,
    storable=False,
    validators=Validators(etag='W/"\u00e9 tag"', last_modified="Sat, 21 Nov 2026 06:00:00 GMT"),
    serial=2**40,
)

FULL_LISTING = File(
    filename="acme_rocket-1.0-py3-none-any.whl",
    url="https://files.example/acme_rocket-1.0-py3-none-any.whl",
    hashes={"sha256": "ab" * 32, "md5": "cd" * 16},
    requires_python=">=3.11,<4",
    core_metadata={"sha256": "ef" * 32},
    gpg_sig=False,
    yanked="it explodes: \u2620",
    size=2**40,
    upload_time="2026-11-21T06:00:00.123456Z",
    provenance="https://files.example/provenance",
    extra={"_odd": [1, 2.5, None, True, {"deep": ["\u00fc"]}], "big": 2**63},
)


def entry(project: ProjectName = ACME, body: bytes | None = b"page", **changes: Any) -> StoredEntry:
    return StoredEntry(project=project, head=head(**changes), body=body)


def record(data: bytes = b"wheel", **changes: Any) -> FileRecord:
    values: dict[str, Any] = {
        "sha256": digest_of(data),
        "size_bytes": len(data),
        "project": ACME,
        "tier": "public",
        "listing": File(filename="acme_rocket-1.0.tar.gz", url="https://files.example/acme_rocket-1.0.tar.gz"),
        "identities": (sha256_name(data),),
        "stored_at": 1000.0,
        "used_at": 1000.0,
    }
    return FileRecord(**values | changes)


def attachment(data: bytes | None = b"Name: acme-rocket\n", **changes: Any) -> Attachment:
    values: dict[str, Any] = {
        "identity": sha256_name(b"wheel"),
        "project": ACME,
        "kind": "metadata",
        "sha256": digest_of(data or b""),
        "data": data,
    }
    return Attachment(**values | changes)


def open_descriptors() -> int:
    gc.collect()  # what earlier tests left to it is none of the caller's
    return len(list(Path("/proc/self/fd").iterdir()))
