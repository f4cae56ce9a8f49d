"""Wheels and sdists of made-up releases: real, valid, and the same bytes each time.

Here a `Release` becomes archives on disk, written by the formats' own rules (PEP 427, 517, 625, 643).  Which projects
there are is said in `tests.doubles.universe`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import random
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from attrs import field, frozen

_EPOCH = (2020, 1, 1, 0, 0, 0)
_EPOCH_S = 1577836800
_CHUNK_BYTES = 1 << 20

# The build backend that every sdist brings along: it needs nothing but Python, so a build never asks for a project.
_BACKEND = '''\
"""Builds the wheel of the source tree that it stands in (PEP 517)."""
import base64, hashlib, pathlib, zipfile


def get_requires_for_build_wheel(config_settings=None):
    return []


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    root = pathlib.Path(__file__).parent
    stem = (root / "STEM").read_text().strip()
    package = stem.split("-")[0]
    contents = {f"{package}/{path.name}": path.read_bytes() for path in sorted((root / package).glob("*"))}
    contents[f"{stem}.dist-info/METADATA"] = (root / "PKG-INFO").read_bytes()
    contents[f"{stem}.dist-info/WHEEL"] = (root / "WHEEL").read_bytes()
    record = ""
    for name, data in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        record += f"{name},sha256={digest},{len(data)}\\n"
    contents[f"{stem}.dist-info/RECORD"] = (record + f"{stem}.dist-info/RECORD,,\\n").encode()
    filename = f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / filename, "w") as archive:
        for name, data in contents.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)
    return filename
'''
_WHEEL = b"Wheel-Version: 1.0\nGenerator: made-up\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_PYPROJECT = b'[build-system]\nrequires = []\nbuild-backend = "in_tree"\nbackend-path = ["."]\n'


@frozen(kw_only=True)
class Release:
    """One version of a made-up project; `name` as its author spells it.

    `extras`: extra to requirements.  `filler_bytes`: so many incompressible bytes in its wheel.
    `uploaded`: RFC 3339.  `kinds`: which archives there are, of `wheel` and `sdist`.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(factory=dict)
    requires_python: str | None = ">=3.8"
    yanked: bool | str = False
    uploaded: str = "2024-01-01T00:00:00.000000Z"
    kinds: tuple[str, ...] = ("wheel", "sdist")
    filler_bytes: int = 0

    @property
    def package(self) -> str:
        """The import name, and the name as filenames spell it."""
        return re.sub(r"[-_.]+", "_", self.name).lower()

    @property
    def stem(self) -> str:
        return f"{self.package}-{self.version}"

    @property
    def metadata(self) -> bytes:
        """The core metadata: the wheel's METADATA, the sdist's PKG-INFO."""
        lines = [
            "Metadata-Version: 2.2",
            f"Name: {self.name}",
            f"Version: {self.version}",
            "Summary: Made up for tests.",
        ]
        if self.requires_python:
            lines.append(f"Requires-Python: {self.requires_python}")
        lines += [f"Requires-Dist: {requirement}" for requirement in self.requires]
        for extra, requirements in self.extras.items():
            lines.append(f"Provides-Extra: {extra}")
            lines += [f'Requires-Dist: {requirement}; extra == "{extra}"' for requirement in requirements]
        return ("\n".join(lines) + f"\n\n{self.name} does nothing.\n").encode()


@frozen(kw_only=True)
class Archive:
    """A distribution archive on disk, with all that an index could say of it.

    `hashes` has sha256, blake2b and md5, in lower-case hex; `metadata` is None for an sdist.
    """

    release: Release
    path: Path
    size_bytes: int
    hashes: Mapping[str, str]
    metadata: bytes | None

    @property
    def filename(self) -> str:
        return self.path.name


def archives(release: Release, folder: Path) -> Iterator[Archive]:
    """Make a release's archives in `folder`, unless they are there."""
    if "sdist" in release.kinds:
        path = folder / f"{release.stem}.tar.gz"
        _make(path, release, _write_sdist)
        yield _described(release, path, None)
    if "wheel" in release.kinds:
        path = folder / f"{release.stem}-py3-none-any.whl"
        _make(path, release, _write_wheel)
        yield _described(release, path, release.metadata)


def _make(path: Path, release: Release, write: Callable[[Release, Path], None]) -> None:
    """Write beside and rename: processes that share a folder see whole archives only."""
    if not path.exists():
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        write(release, beside)
        beside.replace(path)


def _described(release: Release, path: Path, metadata: bytes | None) -> Archive:
    hashers = {name: hashlib.new(name) for name in ("sha256", "blake2b", "md5")}
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            for hasher in hashers.values():
                hasher.update(chunk)
    hashes = {name: hasher.hexdigest() for name, hasher in hashers.items()}
    return Archive(release=release, path=path, size_bytes=path.stat().st_size, hashes=hashes, metadata=metadata)


def _module(release: Release) -> bytes:
    return f'"""{release.name}: made up for tests."""\n\n__version__ = "{release.version}"\n'.encode()


def _filler(release: Release) -> Iterator[bytes]:
    noise = random.Random(release.stem)
    left = release.filler_bytes
    while left > 0:
        chunk = noise.randbytes(min(left, _CHUNK_BYTES))
        left -= len(chunk)
        yield chunk


def _write_wheel(release: Release, path: Path) -> None:
    dist_info = f"{release.stem}.dist-info"
    record: list[str] = []
    with zipfile.ZipFile(path, "w") as archive:

        def add(name: str, chunks: Iterator[bytes], compression: int = zipfile.ZIP_DEFLATED) -> None:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = compression
            entry.external_attr = 0o644 << 16
            hasher, size_bytes = hashlib.sha256(), 0
            with archive.open(entry, "w", force_zip64=release.filler_bytes > 1 << 31) as member:
                for chunk in chunks:
                    hasher.update(chunk)
                    size_bytes += len(chunk)
                    member.write(chunk)
            digest = base64.urlsafe_b64encode(hasher.digest()).decode().rstrip("=")
            record.append(f"{name},sha256={digest},{size_bytes}")

        add(f"{release.package}/__init__.py", iter([_module(release)]))
        if release.filler_bytes:
            add(f"{release.package}/filler.bin", _filler(release), zipfile.ZIP_STORED)
        add(f"{dist_info}/METADATA", iter([release.metadata]))
        add(f"{dist_info}/WHEEL", iter([_WHEEL]))
        record.append(f"{dist_info}/RECORD,,")
        add(f"{dist_info}/RECORD", iter(["\n".join(record).encode() + b"\n"]))


def _write_sdist(release: Release, path: Path) -> None:
    contents = {
        "PKG-INFO": release.metadata,
        "pyproject.toml": _PYPROJECT,
        "in_tree.py": _BACKEND.encode(),
        "STEM": release.stem.encode(),
        "WHEEL": _WHEEL,
        f"{release.package}/__init__.py": _module(release),
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in contents.items():
            entry = tarfile.TarInfo(f"{release.stem}/{name}")
            entry.size, entry.mtime, entry.mode = len(data), _EPOCH_S, 0o644
            archive.addfile(entry, io.BytesIO(data))
    path.write_bytes(gzip.compress(packed.getvalue(), mtime=_EPOCH_S))
