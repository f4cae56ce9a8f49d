"""METADATA out of wheels, sound ones and hostile ones."""

from __future__ import annotations

import io
import struct
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.small_node import wheel, wheel_of_directory
from tiercache.cache.wheel import DIRECTORY_BYTES, METADATA_BYTES, BytesMissing, SparseFile, metadata_in
from tiercache.errors import SidecarUnavailable
from tiercache.simple.names import normalise

METADATA = b"Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n"
FILENAME = "pkg-1.0-py3-none-any.whl"
PKG = normalise("pkg")


def archive(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as writing:
        for name, data in members:
            writing.writestr(zipfile.ZipInfo(name), data, compress_type=compression)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "folder", ["pkg-1.0.dist-info", "PKG-1.0.dist-info", "pkg-1.0+local.dist-info", "Pkg-1.0.post1.dist-info"]
)
def test_metadata_is_what_stands_in_the_projects_own_dist_info(folder: str) -> None:
    content = archive((f"{folder}/METADATA", METADATA), ("pkg/vendor/other-2.0.dist-info/METADATA", b"vendored"))
    assert metadata_in(io.BytesIO(content), FILENAME, PKG) == METADATA


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("no archive", b"this is no zip archive"),
        ("nothing", b""),
        ("no metadata", archive(("pkg/__init__.py", b""))),
        ("another project's", archive(("other-1.0.dist-info/METADATA", METADATA))),
        ("two of them", archive(("pkg-1.0.dist-info/METADATA", METADATA), ("pkg-2.0.dist-info/METADATA", METADATA))),
        ("deeper down", archive(("x/pkg-1.0.dist-info/METADATA", METADATA))),
        ("no name", archive(("-1.0.dist-info/METADATA", METADATA))),
    ],
)
def test_an_archive_without_metadata_of_its_own_has_no_sidecar(name: str, content: bytes) -> None:
    with pytest.raises(SidecarUnavailable):
        metadata_in(io.BytesIO(content), FILENAME, PKG)


@pytest.mark.parametrize(("extra", "is_read"), [(0, True), (1, False)])
def test_metadata_is_read_up_to_its_limit_and_not_one_byte_over(extra: int, is_read: bool) -> None:
    content = archive(("pkg-1.0.dist-info/METADATA", b"a" * (METADATA_BYTES + extra)))
    assert len(content) < 100_000
    if is_read:
        assert len(metadata_in(io.BytesIO(content), FILENAME, PKG)) == METADATA_BYTES
    else:
        with pytest.raises(SidecarUnavailable, match="too long"):
            metadata_in(io.BytesIO(content), FILENAME, PKG)


def test_a_zip_bomb_that_lies_about_its_length_is_refused() -> None:
    content = bytearray(archive(("pkg-1.0.dist-info/METADATA", b"a" * (METADATA_BYTES + 10))))
    directory = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, directory + 24, 100)
    with pytest.raises(SidecarUnavailable):
        metadata_in(io.BytesIO(bytes(content)), FILENAME, PKG)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_metadata_that_is_packed_as_no_wheels_is_is_not_unpacked(compression: int) -> None:
    content = archive(("pkg-1.0.dist-info/METADATA", METADATA), compression=compression)
    with pytest.raises(SidecarUnavailable, match="packed"):
        metadata_in(io.BytesIO(content), FILENAME, PKG)


@pytest.mark.parametrize(("size_bytes", "is_read"), [(DIRECTORY_BYTES, True), (DIRECTORY_BYTES + 1, False)])
def test_a_directory_is_read_up_to_its_limit_and_none_of_it_past_that(size_bytes: int, is_read: bool) -> None:
    """A wheel may be all directory: a gigabyte of it would become tens of them."""
    content = wheel_of_directory("pkg", "1.0", METADATA, size_bytes)
    if is_read:
        assert metadata_in(io.BytesIO(content), FILENAME, PKG) == METADATA
    else:
        with pytest.raises(SidecarUnavailable, match="directory is too long"):
            metadata_in(io.BytesIO(content), FILENAME, PKG)


@given(st.data())
def test_a_damaged_archive_never_raises_anything_else(data: st.DataObject) -> None:
    content = bytearray(wheel("pkg", "1.0", METADATA))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(SidecarUnavailable):
        metadata_in(io.BytesIO(bytes(content[: data.draw(st.integers(0, len(content)))])), FILENAME, PKG)


@given(size=st.integers(0, 200), start=st.integers(0, 250), wanted=st.integers(-1, 250))
def test_a_sparse_file_reads_as_a_whole_one_or_says_what_is_missing(size: int, start: int, wanted: int) -> None:
    content = bytes(range(200))[:size]
    sparse = SparseFile(size_bytes=size)
    sparse.seek(start)
    whole = io.BytesIO(content)
    whole.seek(start)
    expected = whole.read(wanted)
    if expected:
        with pytest.raises(BytesMissing) as raised:
            sparse.read(wanted)
        missing = raised.value
        assert content[missing.start : missing.start + missing.size_bytes] == expected
        sparse.add(missing.start, expected)
    assert sparse.read(wanted) == expected
    assert sparse.tell() == whole.tell()
