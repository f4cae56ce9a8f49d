"""PKG-INFO from an sdist: at its top, near enough, and within bounds whatever the archive says."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.small_node import sdist
from tiercache.cache.sdist import MEMBER_BYTES, SEARCHED_BYTES, pkg_info_in
from tiercache.errors import SidecarUnavailable

NAME = "pkg-1.0.tar.gz"
PKG_INFO = b"Metadata-Version: 2.2\nName: pkg\nVersion: 1.0\n"
BLOCK = 512


def found(content: bytes) -> bytes:
    return pkg_info_in(io.BytesIO(content), NAME)


def reason(content: bytes) -> str:
    with pytest.raises(SidecarUnavailable) as told:
        found(content)
    return told.value.reason


def test_the_pkg_info_at_the_top_is_found_and_no_other() -> None:
    before = [("src/pkg.egg-info/PKG-INFO", b"another"), ("setup.py", b"x" * 100_000)]
    assert found(sdist("pkg", "1.0", PKG_INFO, before=before)) == PKG_INFO
    only_within = sdist("pkg", "1.0/src", PKG_INFO)
    assert reason(only_within) == "it has no PKG-INFO"


def test_names_may_begin_with_a_dot_as_tar_makes_them() -> None:
    assert found(sdist("./pkg", "1.0", PKG_INFO)) == PKG_INFO


def test_a_link_by_that_name_is_not_followed() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        link = tarfile.TarInfo("pkg-1.0/PKG-INFO")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert reason(buffer.getvalue()) == "it has no PKG-INFO"


@pytest.mark.parametrize(("more", "is_found"), [(0, True), (1, False)])
def test_it_is_looked_for_up_to_a_bound(more: int, is_found: bool) -> None:
    in_front = SEARCHED_BYTES - 10240 - 2 * BLOCK  # tarfile reads records of 10240 bytes, a head is a block
    content = sdist("pkg", "1.0", PKG_INFO, before=[("big.bin", bytes(in_front // 10240 * 10240 + more * 10240 * 2))])
    if is_found:
        assert found(content) == PKG_INFO
    else:
        assert "too far behind" in reason(content)


@pytest.mark.parametrize(("more", "is_found"), [(0, True), (1, False)])
def test_one_that_is_too_long_is_not_read(more: int, is_found: bool) -> None:
    content = sdist("pkg", "1.0", b"x" * (MEMBER_BYTES + more))
    if is_found:
        assert len(found(content)) == MEMBER_BYTES
    else:
        assert reason(content) == "its PKG-INFO is too long"


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(SEARCHED_BYTES * 4))
    assert reason(bomb)
    head = tarfile.TarInfo("pkg-1.0/big.bin")
    head.size = SEARCHED_BYTES * 4
    assert "too far behind" in reason(gzip.compress(head.tobuf() + bytes(head.size)))


def test_an_archive_that_breaks_off_has_none() -> None:
    content = sdist("pkg", "1.0", PKG_INFO, before=[("a.bin", bytes(range(256)) * 5000)])
    for stop in (0, 1, 20, len(content) // 2):
        assert reason(content[:stop])


@given(st.binary(max_size=2000))
def test_nothing_is_an_error_but_that_there_is_none(data: bytes) -> None:
    for content in (data, gzip.compress(data)):
        with pytest.raises(SidecarUnavailable):
            found(content)
