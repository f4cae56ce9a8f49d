"""Archives, sound and hostile: a zip archive whose every word may be a lie, and a tar archive of any headers."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zlib
from collections.abc import Mapping, Sequence

import pytest
from attrs import field, frozen

from tiercache.errors import ArchiveRefused
from tiercache.publish.archive import ArchiveFacts, read_archive

METADATA = (
    b"Metadata-Version: 2.2\nName: My-Package\nVersion: 1.0\nRequires-Python: >=3.11\nRequires-Dist: attrs\n\nText.\n"
)
WHEEL = "my_package-1.0-py3-none-any.whl"
SDIST = "my_package-1.0.tar.gz"
SDIST_ZIP = "my_package-1.0.zip"
ROOT = "my_package-1.0"
DIST_INFO = f"{ROOT}.dist-info"

STORED, DEFLATED = 0, 8
DESCRIBED_BEHIND = 0x0008
UTF_8 = 0x0800


def deflated(data: bytes) -> bytes:
    """As it stands in a zip archive."""
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packing.compress(data) + packing.flush()


@frozen(kw_only=True)
class Entry:
    """A member of a zip archive, and what is said of it: `local` before it, `central` in the directory, which are
    `crc`, `packed`, `unpacked`, `flags`, `method`, `name`, `extra`, and in the directory `mode`, `disk`, `start`.

    `body`: what stands there instead of the packed data; `behind` what stands behind that.
    """

    name: str
    data: bytes = b""
    method: int = DEFLATED
    body: bytes | None = None
    behind: bytes = b""
    local: Mapping[str, object] = field(factory=dict)
    central: Mapping[str, object] = field(factory=dict)

    @property
    def packed(self) -> bytes:
        if self.body is not None:
            return self.body
        return deflated(self.data) if self.method == DEFLATED else self.data

    @property
    def said(self) -> dict[str, object]:
        raw = self.name.encode()
        return {
            "crc": zlib.crc32(self.data),
            "packed": len(self.packed),
            "unpacked": len(self.data),
            "flags": 0 if raw.isascii() else UTF_8,
            "method": self.method,
            "name": raw,
            "extra": b"",
            "mode": 0o100644,
            "disk": 0,
        }


def zip_of(
    *entries: Entry,
    before: bytes = b"",
    before_directory: bytes = b"",
    behind: bytes = b"",
    comment: bytes = b"",
    is_64: bool = False,
    **end: int,
) -> bytes:
    """A zip archive; `end` overrides what its end says: `count`, `count_here`, `size_bytes`, `start`, `disk`,
    `comment_bytes`; with `is_64` also those of the longer end, as `long_count` and so on, and `locator`."""
    out, directory = bytearray(before), bytearray()
    for entry in entries:
        said, start = {**entry.said, **entry.local}, len(out)
        name, extra = said["name"], said["extra"]
        assert isinstance(name, bytes)
        assert isinstance(extra, bytes)
        out += struct.pack(
            "<4sHHHHHLLLHH", b"PK\x03\x04", 20, said["flags"], said["method"], 0, 33,
            said["crc"], said["packed"], said["unpacked"], len(name), len(extra),
        )  # fmt: skip
        out += name + extra + entry.packed + entry.behind
        said = {**entry.said, "start": start, **entry.central}
        name, extra, mode = said["name"], said["extra"], said["mode"]
        assert isinstance(name, bytes)
        assert isinstance(extra, bytes)
        assert isinstance(mode, int)
        directory += struct.pack(
            "<4sHHHHHHLLLHHHHHLL", b"PK\x01\x02", 0x0314, 20, said["flags"], said["method"], 0, 33,
            said["crc"], said["packed"], said["unpacked"], len(name), len(extra), 0, said["disk"], 0, mode << 16,
            said["start"],
        )  # fmt: skip
        directory += name + extra
    out += before_directory
    says = {"count": len(entries), "size_bytes": len(directory), "start": len(out), "disk": 0}
    says = {**says, "count_here": len(entries), "comment_bytes": len(comment)}
    out += directory
    if is_64:
        long = {
            **says,
            **{name.removeprefix("long_"): value for name, value in end.items() if name.startswith("long_")},
        }
        at = len(out)
        out += struct.pack(
            "<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, long["disk"], 0,
            long["count_here"], long["count"], long["size_bytes"], long["start"],
        )  # fmt: skip
        out += struct.pack("<4sLQL", b"PK\x06\x07", 0, end.get("locator", at), 1)
        says = {**says, "count": 0xFFFF, "count_here": 0xFFFF, "size_bytes": 0xFFFF_FFFF, "start": 0xFFFF_FFFF}
    says.update({name: value for name, value in end.items() if name in says})
    out += struct.pack(
        "<4sHHHHLLH", b"PK\x05\x06", says["disk"], 0, says["count_here"], says["count"],
        says["size_bytes"], says["start"], says["comment_bytes"],
    )  # fmt: skip
    return bytes(out + comment + behind)


def dist_info(metadata: bytes = METADATA, folder: str = DIST_INFO, without: str = "") -> list[Entry]:
    """What stands in the `.dist-info` folder of every wheel."""
    contents = {"METADATA": metadata, "WHEEL": b"Wheel-Version: 1.0\n", "RECORD": f"{folder}/RECORD,,\n".encode()}
    return [Entry(name=f"{folder}/{name}", data=data) for name, data in contents.items() if name != without]


def wheel_of(*entries: Entry, metadata: bytes = METADATA) -> bytes:
    """A wheel that has these members beside what every wheel has."""
    return zip_of(Entry(name="my_package/__init__.py", data=b"x = 1\n" * 50), *entries, *dist_info(metadata))


# -- tar archives -----------------------------------------------------------------------------------------------------

Member = tuple[tarfile.TarInfo, bytes]


def plain(name: str, data: bytes = b"", **what: object) -> Member:
    """A regular file in a tar archive; `what` overrides fields of its header."""
    header = tarfile.TarInfo(name)
    header.size = len(data)
    for key, value in what.items():
        setattr(header, key, value)
    return header, data


def special(name: str, kind: bytes, target: str = "") -> Member:
    """Anything else in one."""
    return plain(name, type=kind, linkname=target)


PKG_INFO: Member = plain(f"{ROOT}/PKG-INFO", METADATA)


def tar_of(*members: Member, form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive of these headers, each with its data behind, whatever the header says of that."""
    out = bytearray()
    for header, data in members:
        out += header.tobuf(form, "utf-8", "surrogateescape")
        out += data + b"\0" * (-len(data) % tarfile.BLOCKSIZE)
    return bytes(out) + b"\0" * (2 * tarfile.BLOCKSIZE)


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def sdist_of(*members: Member, pkg_info: Member | None = PKG_INFO) -> bytes:
    """An sdist that has these members beside its PKG-INFO."""
    return gzipped(tar_of(*([pkg_info] if pkg_info else []), *members))


def pax_header(attributes: Mapping[str, str | bytes], kind: bytes = tarfile.XHDTYPE) -> Member:
    """An extended header (`x`), or one for all members (`g`), of any attributes."""
    records = bytearray()
    for key, value in attributes.items():
        body = b" " + key.encode() + b"=" + (value if isinstance(value, bytes) else value.encode()) + b"\n"
        length = len(body) + len(str(len(body)))
        length = len(body) + len(str(length))
        records += str(length).encode() + body
    return plain("././@PaxHeader", bytes(records), type=kind)


def without_end(archive: bytes) -> bytes:
    """A tar archive without the empty blocks at its end."""
    return archive[: -2 * tarfile.BLOCKSIZE]


def opened(archive: bytes) -> io.BytesIO:
    return io.BytesIO(archive)


def facts_of(archive: bytes, filename: str = WHEEL) -> ArchiveFacts:
    """What an archive of that name says of itself."""
    return read_archive(opened(archive), filename)


def refusal_of(archive: bytes, filename: str = WHEEL) -> str:
    """Why an archive of that name is refused, as it is."""
    with pytest.raises(ArchiveRefused) as raised:
        facts_of(archive, filename)
    assert raised.value.filename == filename
    assert str(raised.value).isprintable()
    return raised.value.reason


def described(entry_data: bytes, packed: bytes, *, signed: bool = True, is_64: bool = False) -> bytes:
    """What stands behind a member whose lengths were not known before it."""
    lengths: Sequence[int] = (len(packed), len(entry_data))
    return (b"PK\x07\x08" if signed else b"") + struct.pack(
        "<LQQ" if is_64 else "<LLL", zlib.crc32(entry_data), *lengths
    )
