"""Sdists: what they say of themselves, and each way in which one is not safe, or no sdist."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib

from tests.publish.archives import (
    METADATA,
    PKG_INFO,
    ROOT,
    SDIST,
    SDIST_ZIP,
    Entry,
    Member,
    facts_of,
    gzipped,
    pax_header,
    plain,
    refusal_of,
    sdist_of,
    special,
    tar_of,
    without_end,
    zip_of,
)
from tiercache.cache.wheel import METADATA_BYTES
from tiercache.errors import ArchiveRefused, UploadRefused
from tiercache.publish import members
from tiercache.publish.members import MAX_RATIO
from tiercache.publish.tar_archive import HEADER_BYTES, MAX_ATTRIBUTES
from tiercache.simple.names import FilenameKind, normalise

LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE
IN_ZIP = Entry(name=f"{ROOT}/PKG-INFO", data=METADATA)


facts, refusal = partial(facts_of, filename=SDIST), partial(refusal_of, filename=SDIST)


# -- sound ones -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("archive", "filename"), [(sdist_of(), SDIST), (zip_of(IN_ZIP), SDIST_ZIP)])
def test_an_sdist_says_what_its_pkg_info_says(archive: bytes, filename: str) -> None:
    found = facts(archive, filename=filename)
    assert (found.kind, found.project, found.version) == (FilenameKind.SDIST, "my-package", "1.0")
    assert (found.requires_python, found.requires_dist) == (">=3.11", ("attrs",))
    assert found.core_metadata == found.sidecar == METADATA


@pytest.mark.parametrize(
    ("version", "dynamic", "is_shown"),
    [
        ("1.2", (), False),
        ("2.1", (), False),
        ("2.2", (), True),
        ("2.4", ("License-File", "Classifier"), True),
        ("2.2", ("Requires-Dist",), False),
        ("2.2", ("requires-python",), False),
        ("2.4", ("Summary", "Provides-Extra"), False),
    ],
)
def test_the_metadata_of_an_sdist_is_shown_where_its_wheels_will_have_the_same(
    version: str, dynamic: tuple[str, ...], is_shown: bool
) -> None:
    lines = [
        f"Metadata-Version: {version}",
        "Name: my-package",
        "Version: 1.0",
        *(f"Dynamic: {one}" for one in dynamic),
    ]
    data = "\n".join(lines).encode() + b"\n"
    found = facts(sdist_of(pkg_info=plain(f"{ROOT}/PKG-INFO", data)))
    assert found.core_metadata == data
    assert found.sidecar == (data if is_shown else None)


def in_old_format(form: int) -> bytes:
    long = plain(f"{ROOT}/{'folder/' * 16}a.py", b"x")
    return gzipped(tar_of(PKG_INFO, long, special(f"{ROOT}/a.py", LINK, "b" * 90), form=form))


SOUND = {
    "by GNU": in_old_format(tarfile.GNU_FORMAT),
    "by POSIX": in_old_format(tarfile.PAX_FORMAT),
    "by UNIX": in_old_format(tarfile.USTAR_FORMAT),
    "with a dot before it": gzipped(tar_of(special("./", tarfile.DIRTYPE), plain(f"./{ROOT}/PKG-INFO", METADATA))),
    "with folders": sdist_of(special(ROOT, tarfile.DIRTYPE), special(f"{ROOT}/src/", tarfile.DIRTYPE)),
    "with a link inside": sdist_of(
        plain(f"{ROOT}/docs/a.txt"),
        special(f"{ROOT}/docs/b.txt", LINK, "a.txt"),
        special(f"{ROOT}/c", LINK, "docs/a.txt"),
    ),
    "with a link up and down": sdist_of(special(f"{ROOT}/docs/x/README", LINK, "../../README")),
    "with a second name of a file": sdist_of(plain(f"{ROOT}/a", b"x"), special(f"{ROOT}/b", HARD, f"{ROOT}/a")),
    "with a header for all": gzipped(tar_of(pax_header({"comment": "a commit"}, tarfile.XGLTYPE), PKG_INFO)),
    "in blocks of twenty": gzipped(tar_of(PKG_INFO) + bytes(10 * 1024)),
    "without its last blocks": gzipped(without_end(tar_of(PKG_INFO))),
    "with a size that is a whole block": sdist_of(plain(f"{ROOT}/a", bytes(1024)), plain(f"{ROOT}/b", bytes(512))),
    "with many pieces": sdist_of(plain(f"{ROOT}/a", bytes(3 << 20)), plain(f"{ROOT}/b", b"x" * (2 << 20))),
    "with an old root": gzipped(tar_of(plain("My-Package-1.0/PKG-INFO", METADATA))),
    "with its length said twice": sdist_of(pax_header({"size": "5"}), plain(f"{ROOT}/a", b"12345")),
    "with another PKG-INFO": sdist_of(plain(f"{ROOT}/src/my_package.egg-info/PKG-INFO", b"no metadata")),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_sdist_is_read(name: str) -> None:
    assert facts(SOUND[name]).core_metadata == METADATA


def test_an_sdist_is_read_as_the_standard_library_writes_it() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in [("PKG-INFO", METADATA), ("größe.txt", b"x"), ("a" * 180, b"y" * 700)]:
            header = tarfile.TarInfo(f"{ROOT}/{name}")
            header.size, header.mtime = len(data), 1_700_000_000.5  # type: ignore[assignment]  # as tarfile takes it
            archive.addfile(header, io.BytesIO(data))
    assert facts(buffer.getvalue()).sidecar == METADATA


def test_an_sdist_of_fifty_thousand_members_is_read() -> None:
    pattern = plain(f"{ROOT}/data/folder/file_with_a_name_00000")[0].tobuf(tarfile.USTAR_FORMAT)
    at, total = pattern.index(b"00000"), int(pattern[148:154], 8)
    packed = bytearray(without_end(tar_of(PKG_INFO)))
    for number in range(50_000):
        digits = b"%05d" % number
        checksum = b"%06o" % (total + sum(digits) - sum(b"00000"))
        packed += pattern[:at] + digits + pattern[at + 5 : 148] + checksum + pattern[154:]
    assert facts(gzipped(bytes(packed))).project == "my-package"


# -- members that are none --------------------------------------------------------------------------------------------


def sparse() -> Member:
    """A file with a hole of a gigabyte, as GNU tar writes it."""
    header = plain(f"{ROOT}/hole", type=tarfile.GNUTYPE_SPARSE, size=0)[0]
    raw = bytearray(header.tobuf(tarfile.GNU_FORMAT))
    raw[483:495] = b"%011o\0" % (1 << 30)
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)

    class Raw(tarfile.TarInfo):
        def tobuf(self, *_: object, **__: object) -> bytes:  # type: ignore[override]  # whatever is asked for
            return bytes(raw)

    return Raw("hole"), b""


MEMBERS: list[tuple[str, list[Member], str]] = [
    ("an absolute path", [plain("/etc/passwd")], "absolute path"),
    ("a drive", [plain("C:/x")], "absolute path"),
    ("a path out of it", [plain("../x")], "outside of it"),
    ("a path out of it later", [plain(f"{ROOT}/../../x")], "outside of it"),
    ("a backslash", [plain(f"{ROOT}/..\\..\\x")], "backslash"),
    ("a line end", [plain(f"{ROOT}/a\nb")], "control characters"),
    ("no UTF-8", [plain(f"{ROOT}/gr\udcf6\udcdfe")], "not text in UTF-8"),
    ("twice", [plain(f"{ROOT}/a"), plain(f"{ROOT}/a")], "twice"),
    ("twice PKG-INFO", [PKG_INFO], "twice"),
    ("twice PKG-INFO, with a dot", [plain(f"{ROOT}/./PKG-INFO", METADATA)], "twice"),
    ("a second top folder", [plain("other/a")], "2 folders at its top"),
    ("a file at the top", [plain("setup.py")], "2 folders at its top"),
    ("a second PKG-INFO", [plain("other/PKG-INFO", METADATA)], "more than one PKG-INFO"),
    ("a file below a file", [plain(f"{ROOT}/PKG-INFO/a")], "and as something else"),
    ("a link to an absolute path", [special(f"{ROOT}/a", LINK, "/etc/passwd")], "absolute path"),
    ("a link to another drive", [special(f"{ROOT}/a", LINK, "C:/x")], "absolute path"),
    ("a link out of it", [special(f"{ROOT}/a", LINK, "../x")], "leads out of it"),
    ("a link out of it from below", [special(f"{ROOT}/a/b", LINK, "../../x")], "leads out of it"),
    ("a link out of it later", [special(f"{ROOT}/a/b", LINK, "c/../../../x")], "leads out of it"),
    ("a link with a backslash", [special(f"{ROOT}/a", LINK, "..\\x")], "backslash"),
    ("a link at the top", [special("a", LINK, f"{ROOT}/b")], "leads out of it"),
    ("a file below a link", [special(f"{ROOT}/a", LINK, "b"), plain(f"{ROOT}/a/c")], "and as something else"),
    ("a link over a folder", [plain(f"{ROOT}/a/c"), special(f"{ROOT}/a", LINK, "b")], "as a file and as a folder"),
    ("a file over a link", [special(f"{ROOT}/a", LINK, "b"), plain(f"{ROOT}/a")], "twice"),
    ("a second name of nothing", [special(f"{ROOT}/a", HARD, f"{ROOT}/b")], "leads to no file in it"),
    ("a second name of something later", [special(f"{ROOT}/a", HARD, "../x")], "outside of it"),
    (
        "a second name of a link",
        [special(f"{ROOT}/a", LINK, "b"), special(f"{ROOT}/c", HARD, f"{ROOT}/a")],
        "no file in it",
    ),
    ("a second name of an absolute path", [special(f"{ROOT}/a", HARD, "/etc/passwd")], "absolute path"),
    ("a device", [special(f"{ROOT}/a", tarfile.CHRTYPE)], "is a device"),
    ("a block device", [special(f"{ROOT}/a", tarfile.BLKTYPE)], "is a device"),
    ("a pipe", [special(f"{ROOT}/a", tarfile.FIFOTYPE)], "is a device"),
    ("a contiguous file", [special(f"{ROOT}/a", tarfile.CONTTYPE)], "is a device"),
    ("a kind that nobody knows", [special(f"{ROOT}/a", b"Z")], "is a device, or nothing that is known"),
    ("a folder with something in it", [plain(f"{ROOT}/a", b"x" * 600, type=tarfile.DIRTYPE)], "is no file"),
    ("a link with something in it", [plain(f"{ROOT}/a", b"x", type=LINK, linkname="b")], "is no file"),
    ("a hole", [sparse()], "has holes"),
    (
        "a hole by extended header",
        [pax_header({"GNU.sparse.map": "0,1", "GNU.sparse.size": "99"}), plain(f"{ROOT}/a", b"x")],
        "has holes",
    ),
    ("a header that is too long", [pax_header({"x": "y" * HEADER_BYTES}), plain(f"{ROOT}/a")], "extended headers"),
    ("a name that is too long", [plain(f"{ROOT}/{'a/' * 70}{'b' * 4096}")], "more than 4096 bytes"),
    (
        "too many attributes",
        [pax_header({f"x{number}": "y" for number in range(MAX_ATTRIBUTES + 1)}), plain(f"{ROOT}/a")],
        "attributes",
    ),
    (
        "too many attributes for all",
        [pax_header({f"x{number}": "y" for number in range(MAX_ATTRIBUTES + 1)}, tarfile.XGLTYPE), plain(f"{ROOT}/a")],
        "attributes",
    ),
    ("headers without end", [pax_header({"x": "y"})] * 3000, "cannot be read"),
    ("a folder as a file", [plain(f"{ROOT}/a/", b"x", type=tarfile.REGTYPE)], "as a file and as a folder"),
    (
        "a second length that hides a member",
        [pax_header({"size": "1024"}), plain(f"{ROOT}/a", b"x" * 1024, size=0)],
        "two lengths",
    ),
    ("a second length that is shorter", [pax_header({"size": "0"}), plain(f"{ROOT}/a", b"x" * 600)], "two lengths"),
    (
        "one name for all",
        [pax_header({"path": f"{ROOT}/b"}, tarfile.XGLTYPE), plain(f"{ROOT}/a")],
        "for all its members",
    ),
    ("one length for all", [pax_header({"size": "0"}, tarfile.XGLTYPE), plain(f"{ROOT}/a")], "for all its members"),
    ("a size of less than nothing", [pax_header({"size": "-4096"}), plain(f"{ROOT}/a")], "two lengths"),
    ("a size that is more than there is", [plain(f"{ROOT}/a", size=10_000)], "is cut off"),
    ("a size that is very much more", [plain(f"{ROOT}/a", size=1 << 32)], "is cut off"),
    ("an extended size that lies", [pax_header({"size": "99999999"}), plain(f"{ROOT}/a", b"x")], "two lengths"),
    ("a PKG-INFO by a link", [], "no PKG-INFO"),
]


@pytest.mark.parametrize(("name", "added", "reason"), MEMBERS, ids=[name for name, *_ in MEMBERS])
def test_an_sdist_with_such_a_member_is_refused(name: str, added: list[Member], reason: str) -> None:
    if name == "a PKG-INFO by a link":
        added = [plain(f"{ROOT}/other", METADATA), special(f"{ROOT}/PKG-INFO", LINK, "other")]
        assert reason in refusal(sdist_of(*added, pkg_info=None))
    else:
        assert reason in refusal(sdist_of(*added))


# -- archives that are none -------------------------------------------------------------------------------------------

BAD_CHECKSUM = bytearray(tar_of(PKG_INFO, plain(f"{ROOT}/a")))
BAD_CHECKSUM[-1024 - 512 + 148] ^= 1
BAD_CRC = bytearray(sdist_of())
BAD_CRC[-6] ^= 1
BAD_LENGTH = bytearray(sdist_of())
BAD_LENGTH[-1] ^= 1

ARCHIVES = [
    ("nothing", b"", "is cut off"),
    ("text", b"no archive at all" * 40, "is damaged"),
    ("a zip archive", zip_of(IN_ZIP), "is damaged"),
    ("a plain tar archive", tar_of(PKG_INFO), "is damaged"),
    ("packed by something else", b"BZh91AY&SY" + bytes(50), "is damaged"),
    ("gzip of nothing", gzipped(b""), "cannot be read"),
    ("gzip of text", gzipped(b"no archive at all" * 40), "cannot be read"),
    ("an empty archive", gzipped(tar_of()), "0 folders at its top"),
    ("no PKG-INFO", sdist_of(plain(f"{ROOT}/setup.py"), pkg_info=None), "no PKG-INFO"),
    ("a PKG-INFO deeper down", sdist_of(plain(f"{ROOT}/x/PKG-INFO", METADATA), pkg_info=None), "no PKG-INFO"),
    ("a PKG-INFO at the top", gzipped(tar_of(plain("PKG-INFO", METADATA))), "no PKG-INFO"),
    ("a PKG-INFO that is a folder", sdist_of(plain(f"{ROOT}/PKG-INFO/a"), pkg_info=None), "no PKG-INFO"),
    ("a header with a wrong sum", gzipped(bytes(BAD_CHECKSUM)), "a header that is none"),
    (
        "something behind its end",
        gzipped(tar_of(PKG_INFO) + tar_of(plain(f"{ROOT}/hidden"))),
        "something behind its end",
    ),
    ("something far behind its end", gzipped(tar_of(PKG_INFO) + bytes(2 << 20) + b"x"), "something behind its end"),
    ("a second gzip behind the first", sdist_of() + gzipped(bytes(10)), "something behind its end"),
    ("something behind the gzip", sdist_of() + b"hidden", "something behind its end"),
    ("a gzip in two", gzip.compress(tar_of(PKG_INFO)[:700]) + gzip.compress(tar_of(PKG_INFO)[700:]), "behind its end"),
    ("a wrong CRC", bytes(BAD_CRC), "is damaged"),
    ("a wrong length", bytes(BAD_LENGTH), "is damaged"),
    ("a header that is cut off", gzipped(tar_of(PKG_INFO, plain(f"{ROOT}/a"))[: -1024 - 100]), "a header that is none"),
    ("a file that is cut off", gzipped(tar_of(PKG_INFO)[:600]), "is cut off"),
]


@pytest.mark.parametrize(("name", "archive", "reason"), ARCHIVES, ids=[name for name, *_ in ARCHIVES])
def test_what_is_no_sound_archive_is_refused(name: str, archive: bytes, reason: str) -> None:
    assert reason in refusal(archive)


@pytest.mark.parametrize("left", [0.1, 0.5, 0.9, 0.99])
def test_an_sdist_that_is_cut_off_is_refused(left: float) -> None:
    archive = sdist_of(plain(f"{ROOT}/a", bytes(range(256)) * 20))
    assert "is cut off" in refusal(archive[: int(len(archive) * left)])


@pytest.mark.parametrize(
    ("name", "archive", "reason"),
    [
        ("no PKG-INFO", zip_of(Entry(name=f"{ROOT}/setup.py")), "no PKG-INFO"),
        ("a second top folder", zip_of(IN_ZIP, Entry(name="other/a")), "2 folders at its top"),
        ("a link", zip_of(IN_ZIP, Entry(name=f"{ROOT}/a", central={"mode": 0o120777})), "a link or a device"),
        ("a path out of it", zip_of(IN_ZIP, Entry(name=f"{ROOT}/../../a")), "outside of it"),
        ("PKG-INFO twice", zip_of(IN_ZIP, IN_ZIP), "twice"),
        ("PKG-INFO spelt oddly", zip_of(Entry(name=f"{ROOT}//PKG-INFO", data=METADATA)), "written oddly"),
        (
            "PKG-INFO too long",
            zip_of(Entry(name=f"{ROOT}/PKG-INFO", data=METADATA + b"x" * METADATA_BYTES)),
            "longer than",
        ),
        ("encrypted", zip_of(Entry(name=f"{ROOT}/PKG-INFO", local={"flags": 1}, central={"flags": 1})), "encrypted"),
        ("a tar archive", sdist_of(), "no zip archive"),
    ],
)
def test_an_sdist_by_zip_is_held_to_the_same(name: str, archive: bytes, reason: str) -> None:
    assert reason in refusal(archive, filename=SDIST_ZIP)


def test_a_pkg_info_is_read_up_to_its_limit_and_not_one_byte_over() -> None:
    longest = METADATA + b"x" * (METADATA_BYTES - len(METADATA))
    assert facts(sdist_of(pkg_info=plain(f"{ROOT}/PKG-INFO", longest))).core_metadata == longest
    assert "longer than" in refusal(sdist_of(pkg_info=plain(f"{ROOT}/PKG-INFO", longest + b"x")))


# -- bombs ------------------------------------------------------------------------------------------------------------


def bomb(size_bytes: int, *, is_behind: bool = False) -> bytes:
    """A tar archive with so many zeros in it, or behind its end, packed to a fraction."""
    packing = isal_zlib.compressobj(3, wbits=31)
    if is_behind:
        start, end = tar_of(PKG_INFO), b""
    else:
        start, end = without_end(tar_of(PKG_INFO, plain(f"{ROOT}/zeros", size=size_bytes))), bytes(1024)
    zeros = bytes(1 << 20)
    pieces = [
        packing.compress(start),
        *(packing.compress(zeros) for _ in range(size_bytes >> 20)),
        packing.compress(end),
    ]
    return b"".join(pieces) + packing.flush()


@pytest.mark.parametrize("is_behind", [False, True])
def test_a_bomb_is_unpacked_no_further_than_its_limit(is_behind: bool) -> None:
    archive = bomb(members.ALWAYS_BYTES, is_behind=is_behind)
    assert len(archive) * MAX_RATIO < members.ALWAYS_BYTES
    assert f"more than {MAX_RATIO} times its own size" in refusal(archive)


def test_what_shrinks_well_is_no_bomb() -> None:
    assert facts(bomb(members.ALWAYS_BYTES // 4)).version == "1.0"


def test_headers_are_as_long_all_together_as_may_be() -> None:
    header = pax_header({"x": "y" * (HEADER_BYTES - 1024)})
    assert "extended headers" in refusal(sdist_of(*[header] * 300))


# -- whatever comes ---------------------------------------------------------------------------------------------------

WHOLE = tar_of(
    PKG_INFO,
    plain(f"{ROOT}/a", b"x" * 700),
    plain(f"{ROOT}/{'long/' * 40}name", b"y"),
    special(f"{ROOT}/b", LINK, "a"),
    special(f"{ROOT}/c", HARD, f"{ROOT}/a"),
)


@given(st.data())
def test_a_damaged_sdist_raises_nothing_but_a_refusal(data: st.DataObject) -> None:
    archive = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 6))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(archive)), st.integers(0, len(archive))))
    packed = bytearray(gzipped(bytes(archive[:cut])))
    if data.draw(st.booleans()):
        packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = facts(bytes(packed))
    except UploadRefused:
        return
    assert found.project == normalise(found.project)


@given(st.lists(st.binary(max_size=600), max_size=4))
def test_no_bytes_in_a_gzip_raise_anything_but_a_refusal(pieces: list[bytes]) -> None:
    with pytest.raises(ArchiveRefused):
        facts(gzipped(b"".join(pieces)))
    with pytest.raises(ArchiveRefused):
        facts(b"\x1f\x8b" + b"".join(pieces))


def test_the_standard_library_finds_the_same_in_every_sound_sdist() -> None:
    for archive in SOUND.values():
        with tarfile.open(fileobj=io.BytesIO(archive)) as reading:
            path = next(name for name in reading.getnames() if name.endswith("-1.0/PKG-INFO"))
            stream = reading.extractfile(path)
            assert stream is not None
            assert stream.read() == METADATA
    with zipfile.ZipFile(io.BytesIO(zip_of(IN_ZIP))) as directory:
        assert directory.testzip() is None
