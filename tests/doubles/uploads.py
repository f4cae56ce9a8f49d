"""Upload forms as clients send them, and archives to put into them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from attrs import field, frozen

from tests.doubles.distributions import Release, archives

BOUNDARY = "a13be63d-boundary"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}

Field = tuple[str, str | bytes]


@frozen(kw_only=True)
class Made:
    """An archive in memory."""

    name: str
    version: str
    filename: str
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def digests(self) -> dict[str, str]:
        """As the form calls them."""
        return {
            "sha256_digest": self.sha256,
            "blake2_256_digest": hashlib.blake2b(self.content, digest_size=32).hexdigest(),
            "md5_digest": hashlib.md5(self.content, usedforsecurity=False).hexdigest(),
        }

    @property
    def fields(self) -> list[Field]:
        """What twine says of it."""
        is_wheel = self.filename.endswith(".whl")
        return [
            (":action", "file_upload"),
            ("protocol_version", "1"),
            ("metadata_version", "2.2"),
            ("name", self.name),
            ("version", self.version),
            ("filetype", "bdist_wheel" if is_wheel else "sdist"),
            ("pyversion", "py3" if is_wheel else "source"),
            *self.digests.items(),
            ("summary", "Made up for tests."),
        ]


@cache
def made(
    name: str = "acme-tools",
    version: str = "1.0",
    kind: str = "wheel",
    requires: tuple[str, ...] = (),
    filler_bytes: int = 0,
) -> Made:
    """A real wheel or sdist; `requires` makes other bytes of the same filename."""
    release = Release(name=name, version=version, kinds=(kind,), requires=requires, filler_bytes=filler_bytes)
    with tempfile.TemporaryDirectory() as folder:
        (archive,) = archives(release, Path(folder))
        return Made(name=name, version=version, filename=archive.filename, content=archive.path.read_bytes())


def part(name: str, value: str | bytes, filename: str | None = None) -> bytes:
    """One part of a form."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
    if filename is not None:
        head += f'; filename="{filename}"\r\nContent-Type: application/octet-stream'
    data = value.encode() if isinstance(value, str) else value
    return f"{head}\r\n\r\n".encode() + data + b"\r\n"


def form(fields: Iterable[Field], filename: str, content: bytes, content_field: str = "content") -> bytes:
    """A whole form, its file at the end."""
    parts = [part(name, value) for name, value in fields]
    return b"".join([*parts, part(content_field, content, filename), f"--{BOUNDARY}--\r\n".encode()])


def form_of(archive: Made, *more: Field, **changed: str | None) -> bytes:
    """The form of an archive as twine sends it, with some fields changed (`action` for `:action`), without those that
    are None, or with more of them."""
    new = {":action" if name == "action" else name: value for name, value in changed.items()}
    stated = ((name, new.get(name, value)) for name, value in archive.fields)
    fields: list[Field] = [(name, value) for name, value in stated if value is not None]
    return form([*fields, *more], archive.filename, archive.content)
