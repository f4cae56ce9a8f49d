"""Wheels: what they say of themselves, and each way in which one is not what it says, or not safe."""

from __future__ import annotations

import io
import resource
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.distributions import Release, archives
from tests.publish.archives import (
    DESCRIBED_BEHIND,
    DIST_INFO,
    METADATA,
    STORED,
    UTF_8,
    WHEEL,
    Entry,
    deflated,
    described,
    dist_info,
    facts_of,
    opened,
    refusal_of,
    wheel_of,
    zip_of,
)
from tests.publish.holes import Holes
from tiercache.cache.wheel import DIRECTORY_BYTES, METADATA_BYTES, metadata_in
from tiercache.errors import ArchiveRefused, FilenameRefused, UploadRefused
from tiercache.publish import members
from tiercache.publish.archive import read_archive
from tiercache.publish.members import MAX_DEPTH, MAX_RATIO, PATH_BYTES, Members, UnfitArchive
from tiercache.simple.names import FilenameKind, normalise

TEXT = b"some text, " * 20
PACKED = deflated(TEXT)


def lying(**local: object) -> Entry:
    """A member that is said to be another before it than in the directory."""
    return Entry(name="my_package/a.py", data=TEXT, local=local)


# -- sound ones -------------------------------------------------------------------------------------------------------


def test_a_wheel_says_what_its_metadata_says() -> None:
    facts = facts_of(wheel_of())
    assert (facts.kind, facts.project, facts.version) == (FilenameKind.WHEEL, "my-package", "1.0")
    assert (facts.requires_python, facts.requires_dist) == (">=3.11", ("attrs",))


def test_the_sidecar_of_a_wheel_is_its_metadata_byte_for_byte() -> None:
    odd = METADATA.replace(b"\n", b"\r\n") + b"\t trailing \n\n"
    facts = facts_of(wheel_of(metadata=odd))
    assert facts.sidecar == facts.core_metadata == odd
    assert metadata_in(opened(wheel_of(metadata=odd)), WHEEL, normalise("my-package")) == odd


def unseekable() -> bytes:
    """As it is written to a pipe: each member's lengths stand behind it."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object, /) -> int:
            self.data += cast("bytes", data)
            return len(cast("bytes", data))

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as writing:
        for entry in dist_info():
            writing.writestr(entry.name, entry.data)
    return bytes(pipe.data)


def zip64() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as writing:
        for entry in dist_info():
            with writing.open(entry.name, "w", force_zip64=True) as member:
                member.write(entry.data)
    return buffer.getvalue()


SOUND = {
    "with a stored archive inside, near its end": zip_of(
        *dist_info(), Entry(name="my_package/data.zip", data=zip_of(*dist_info()), method=STORED)
    ),
    "stored": zip_of(*(Entry(name=one.name, data=one.data, method=STORED) for one in dist_info())),
    "with folders": wheel_of(
        Entry(name="my_package/sub/", method=STORED), Entry(name="my_package/sub/a.py", data=TEXT)
    ),
    "with a comment": zip_of(*dist_info(), comment=b"made by hand"),
    "with a name in UTF-8": wheel_of(Entry(name="my_package/größe.txt", data=TEXT)),
    "with an old name": wheel_of(
        Entry(name="x", data=TEXT, local={"name": b"gr\x94\xe1e"}, central={"name": b"gr\x94\xe1e"})
    ),
    "written to a pipe": unseekable(),
    "of members with zip64": zip64(),
    "with an end with zip64": zip_of(*dist_info(), is_64=True),
    "with a long description behind": wheel_of(
        Entry(
            name="a",
            data=TEXT,
            behind=described(TEXT, PACKED, is_64=True),
            local={"flags": DESCRIBED_BEHIND, "crc": 0, "packed": 0, "unpacked": 0},
            central={"flags": DESCRIBED_BEHIND},
        )
    ),
    "with a description behind that is not signed": wheel_of(
        Entry(
            name="a",
            data=TEXT,
            behind=described(TEXT, PACKED, signed=False),
            local={"flags": DESCRIBED_BEHIND},
            central={"flags": DESCRIBED_BEHIND},
        )
    ),
    "with another wheel's metadata inside": wheel_of(
        Entry(name="my_package/_vendor/x-1.dist-info/METADATA", data=TEXT)
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_wheel_is_read(name: str) -> None:
    assert facts_of(SOUND[name]).core_metadata == METADATA


def test_a_directory_in_another_order_than_its_members_is_sound() -> None:
    archive = wheel_of()
    at = archive.index(b"PK\x01\x02")
    cut = archive.index(b"PK\x01\x02", at + 4)
    end = archive.index(b"PK\x05\x06")
    assert facts_of(archive[:at] + archive[cut:end] + archive[at:cut] + archive[end:]).core_metadata == METADATA


@pytest.mark.parametrize("folder", ["My_Package-1.0.dist-info", "my.package-1.0.0.dist-info"])
def test_the_dist_info_folder_may_be_spelt_as_older_tools_do(folder: str) -> None:
    assert facts_of(zip_of(*dist_info(folder=folder))).project == "my-package"


def test_real_wheels_of_made_up_releases_are_read(tmp_path: Path) -> None:
    release = Release(name="Acme.Tools", version="2.0.post1", requires=("attrs>=25",), filler_bytes=3_000_000)
    for archive in archives(release, tmp_path):
        with archive.path.open("rb") as file:
            facts = read_archive(file, archive.filename)
        assert (facts.project, facts.version) == ("acme-tools", "2.0.post1")
        assert facts.sidecar == release.metadata


def test_a_wheel_of_fifty_thousand_members_is_read() -> None:
    names = [f"my_package/folder_{number // 500:03}/module_with_a_name_{number:05}.py" for number in range(50_000)]
    assert facts_of(wheel_of(*(Entry(name=name, method=STORED) for name in names))).project == "my-package"


@pytest.mark.slow
def test_a_wheel_of_more_than_four_gigabytes_is_read_in_little_memory() -> None:
    archive, piece = Holes(), bytes(64 << 20)
    with zipfile.ZipFile(archive, "w") as writing:
        with writing.open("my_package/weights.bin", "w", force_zip64=True) as member:
            for _ in range(66):
                member.write(piece)
        for entry in dist_info():
            writing.writestr(entry.name, entry.data)
    assert archive.tell() > 1 << 32
    most_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    facts = read_archive(cast("BinaryIO", archive), WHEEL)
    assert facts.sidecar == METADATA
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most_before < 64 * 1024


# -- what is in no wheel ----------------------------------------------------------------------------------------------


WITHOUT = [
    ("nothing", b"", "no zip archive"),
    ("text", b"this is no archive at all" * 10, "no zip archive"),
    ("an empty archive", zip_of(), "no members"),
    ("no METADATA", zip_of(*dist_info(without="METADATA")), "no METADATA"),
    ("no RECORD", zip_of(*dist_info(without="RECORD")), "no RECORD"),
    ("no WHEEL", zip_of(*dist_info(without="WHEEL")), "no WHEEL"),
    ("no .dist-info", zip_of(Entry(name="my_package/a.py")), "0 .dist-info folders"),
    ("deeper down", zip_of(*dist_info(folder=f"x/{DIST_INFO}")), "0 .dist-info folders"),
    ("two", zip_of(*dist_info(), *dist_info(folder="my_package-1.1.dist-info")), "2 .dist-info folders"),
    ("another's beside", wheel_of(Entry(name="other-1.dist-info/METADATA", data=METADATA)), "2 .dist-info folders"),
    ("another project's", zip_of(*dist_info(folder="other-1.0.dist-info")), "not of my-package 1.0"),
    ("another version's", zip_of(*dist_info(folder="my_package-1.1.dist-info")), "not of my-package 1.0"),
    ("no version", zip_of(*dist_info(folder="my_package.dist-info")), "not of my-package 1.0"),
    ("a bad version", zip_of(*dist_info(folder="my_package-x.dist-info")), "not of my-package 1.0"),
    (
        "METADATA is a folder",
        zip_of(*dist_info(without="METADATA"), Entry(name=f"{DIST_INFO}/METADATA/")),
        "no METADATA",
    ),
    ("METADATA is too long", wheel_of(metadata=METADATA + b"x" * METADATA_BYTES), "METADATA is too long"),
]


@pytest.mark.parametrize(("name", "archive", "reason"), WITHOUT, ids=[name for name, *_ in WITHOUT])
def test_what_has_not_exactly_one_dist_info_of_its_own_is_no_wheel(name: str, archive: bytes, reason: str) -> None:
    assert reason in refusal_of(archive)


def test_an_sdist_under_the_name_of_a_wheel_is_refused() -> None:
    assert "no zip archive" in refusal_of(zlib.compress(b"x" * 1000))


def test_a_filename_that_is_no_wheels_is_refused_before_the_archive_is_read() -> None:
    with pytest.raises(FilenameRefused):
        facts_of(wheel_of(), "my_package.whl")


# -- members that are no members of a wheel ---------------------------------------------------------------------------


MEMBERS = [
    ("an absolute path", Entry(name="/etc/passwd"), "absolute path"),
    ("a drive", Entry(name="C:/x.dll"), "absolute path"),
    ("a path out of it", Entry(name="../x.py"), "outside of it"),
    ("a path out of it later", Entry(name="my_package/../../x.py"), "outside of it"),
    ("a path out and in again", Entry(name="my_package/../x.py"), "outside of it"),
    ("a backslash", Entry(name="..\\x.py"), "backslash"),
    ("NUL", Entry(name="my_package/a.py\0.txt"), "control characters"),
    ("a line end", Entry(name="my_package/a\n.py"), "control characters"),
    ("no name", Entry(name=""), "without a name"),
    ("only a dot", Entry(name="."), "without a name"),
    ("twice", Entry(name="my_package/__init__.py"), "twice"),
    ("twice with a dot", Entry(name="./my_package/__init__.py"), "twice"),
    ("twice with a slash", Entry(name="my_package//__init__.py"), "twice"),
    ("a file that is a folder", Entry(name="my_package"), "as a file and as a folder"),
    ("a file below a file", Entry(name="my_package/__init__.py/x"), "as a folder, and as something else"),
    ("a folder that is a file", Entry(name="my_package/__init__.py/"), "as a folder, and as something else"),
    ("a link", Entry(name="x", data=b"/etc/passwd", central={"mode": 0o120777}), "a link or a device"),
    ("a device", Entry(name="x", central={"mode": 0o020666}), "a link or a device"),
    ("a pipe", Entry(name="x", central={"mode": 0o010666}), "a link or a device"),
    ("a folder by its mode", Entry(name="x", data=TEXT, central={"mode": 0o040755}), "as a file and as a folder"),
    ("a folder with something in it", Entry(name="x/", data=TEXT), "that is no file"),
    ("a path that is too long", Entry(name="/".join(["a" * 40] * 100)), "more than 4096 bytes"),
    ("a path that is too deep", Entry(name="/".join(["a"] * (MAX_DEPTH + 1))), "folders deep"),
    ("encrypted", Entry(name="x", data=TEXT, local={"flags": 1}, central={"flags": 1}), "encrypted"),
    ("strongly encrypted", Entry(name="x", data=TEXT, local={"flags": 0x41}, central={"flags": 0x40}), "encrypted"),
    ("packed by bzip2", Entry(name="x", data=TEXT, method=zipfile.ZIP_BZIP2), "not every installer knows"),
    ("packed by LZMA", Entry(name="x", data=TEXT, method=zipfile.ZIP_LZMA), "not every installer knows"),
    ("packed by something", Entry(name="x", data=TEXT, method=93), "not every installer knows"),
    ("on another disk", Entry(name="x", data=TEXT, central={"disk": 1}), "one part of several"),
    ("a second name", Entry(name="x", central={"extra": struct.pack("<HHBL", 0x7075, 6, 1, 0) + b"y"}), "second name"),
    (
        "a second name before it",
        Entry(name="x", local={"extra": struct.pack("<HHBL", 0x7075, 6, 1, 0) + b"y"}),
        "second name",
    ),
    ("two long lengths", Entry(name="x", central={"extra": struct.pack("<HH", 1, 0) * 2}), "second name or length"),
    ("a version of the future", Entry(name="x", central={"extra": b"\1\0\xff\xff"}), "cannot be read"),
]


@pytest.mark.parametrize(("name", "entry", "reason"), MEMBERS, ids=[name for name, *_ in MEMBERS])
def test_a_wheel_with_such_a_member_is_refused(name: str, entry: Entry, reason: str) -> None:
    assert reason in refusal_of(wheel_of(entry))


# -- what is said twice, and differs ----------------------------------------------------------------------------------


LIES = [
    ("another name before it", lying(name=b"my_package/b.py"), "another than its directory says"),
    ("a name of another length before it", lying(name=b"my_package/a.pyc"), "another than its directory says"),
    ("another method before it", lying(method=STORED), "another than its directory says"),
    ("another CRC before it", lying(crc=1), "other lengths than its directory says"),
    ("another length before it", lying(unpacked=1), "other lengths than its directory says"),
    ("another packed length before it", lying(packed=1), "other lengths than its directory says"),
    ("a length of nothing before it", lying(unpacked=0), "other lengths than its directory says"),
    ("another language before it", lying(flags=UTF_8), "other marks than its directory says"),
    ("encrypted before it", lying(flags=1), "other marks than its directory says"),
    ("described behind before it", lying(flags=DESCRIBED_BEHIND), "other marks than its directory says"),
    ("a long length that is missing", lying(unpacked=0xFFFF_FFFF), "other lengths than its directory says"),
    (
        "a long length beside a short one",
        lying(extra=struct.pack("<HHQQ", 1, 16, 5, 5)),
        "other lengths than its directory says",
    ),
    ("half a long length", lying(unpacked=0xFFFF_FFFF, extra=struct.pack("<HHQ", 1, 8, 5)), "other lengths than"),
    (
        "a long length twice",
        lying(extra=struct.pack("<HHQQ", 1, 16, len(TEXT), len(PACKED)) * 2),
        "other lengths than its directory says",
    ),
    ("an extra field that is cut off", lying(extra=b"\1\0\xff\xff"), "an extra field that is cut off"),
    (
        "a long length in the directory beside a short one",
        Entry(name="x", data=TEXT, central={"extra": struct.pack("<HHQ", 1, 8, len(TEXT))}),
        "with two lengths",
    ),
    (
        "a long length that lies",
        lying(unpacked=0xFFFF_FFFF, extra=struct.pack("<HHQQ", 1, 16, 5, 5)),
        "other lengths than its directory says",
    ),
    ("another CRC everywhere", Entry(name="x", data=TEXT, local={"crc": 1}, central={"crc": 1}), "is damaged"),
    (
        "longer than it says (a bomb)",
        Entry(name="x", data=TEXT, local={"unpacked": 9}, central={"unpacked": 9}),
        "not as long as it says",
    ),
    (
        "shorter than it says",
        Entry(name="x", data=TEXT, local={"unpacked": 999}, central={"unpacked": 999}),
        "not as long as it says",
    ),
    ("garbage", Entry(name="x", data=TEXT, body=b"\xff" * 60), "is damaged"),
    ("cut off", Entry(name="x", data=TEXT, body=PACKED[:-3]), "is cut off"),
    ("more behind its end", Entry(name="x", data=TEXT, body=PACKED + b"more"), "something behind its end"),
    ("more than it says", Entry(name="x", data=TEXT, method=STORED, body=TEXT + b"!"), "not as long as it says"),
    ("something behind it", Entry(name="x", data=TEXT, behind=b"hidden"), "that is no member"),
    (
        "a whole member behind it that no directory lists",
        Entry(name="x", data=TEXT, behind=zip_of(Entry(name="y", data=TEXT))[: 31 + len(PACKED)]),
        "that is no member",
    ),
    (
        "a description behind that is missing",
        Entry(name="x", data=TEXT, local={"flags": 8}, central={"flags": 8}),
        "that is no member",
    ),
    (
        "a description behind that lies",
        Entry(name="x", data=TEXT, behind=described(b"other", PACKED), local={"flags": 8}, central={"flags": 8}),
        "that is no member",
    ),
    ("over the next", Entry(name="x", data=TEXT, local={"packed": 999}, central={"packed": 999}), "lies over another"),
    ("at the same place as another", Entry(name="x", data=TEXT, central={"start": 0}), "lies over another"),
    ("inside of another", Entry(name="x", data=TEXT, central={"start": 20}), "lies over another"),
    ("far away", Entry(name="x", data=TEXT, central={"start": 1 << 30}), "that is no member"),
]


@pytest.mark.parametrize(("name", "entry", "reason"), LIES, ids=[name for name, *_ in LIES])
def test_a_wheel_that_contradicts_itself_is_refused(name: str, entry: Entry, reason: str) -> None:
    assert reason in refusal_of(wheel_of(entry))


ENDS = [
    ("something before it", zip_of(*dist_info(), before=b"#!/bin/sh\n"), "something before its first member"),
    ("something before its directory", zip_of(*dist_info(), before_directory=b"hidden"), "that is no member"),
    ("something behind it", zip_of(*dist_info(), behind=b"hidden"), "something behind its end"),
    ("an archive behind it", zip_of(*dist_info()) + zip_of(*dist_info()), "does not end where it should"),
    ("an end in its comment", zip_of(*dist_info(), comment=zip_of()), "does not end where it should"),
    ("a longer comment than there is", zip_of(*dist_info(), comment_bytes=5), "something behind its end"),
    ("more members than there are", zip_of(*dist_info(), count=4, count_here=4), "not where, or as long as"),
    ("fewer members than there are", zip_of(*dist_info(), count=2, count_here=2), "not where, or as long as"),
    ("members on another disk", zip_of(*dist_info(), count_here=2), "one part of several"),
    ("another disk", zip_of(*dist_info(), disk=1), "one part of several"),
    ("a directory elsewhere", zip_of(*dist_info(), start=0), "does not end where it should"),
    ("a directory that is shorter", zip_of(*dist_info(), size_bytes=46), "does not end where it should"),
    ("a shorter directory, later", zip_of(*dist_info(), size_bytes=46, start=1), "does not end where it should"),
    (
        "a directory too long",
        zip_of(*dist_info(), size_bytes=DIRECTORY_BYTES + 1),
        f"more than {DIRECTORY_BYTES} bytes",
    ),
    (
        "too many members",
        zip_of(*dist_info(), is_64=True, long_count=250_001, long_count_here=250_001),
        "more than 250000",
    ),
    ("no longer end where it is said", zip_of(*dist_info(), is_64=True, locator=0), "zip64 end is not where"),
    ("two ends that differ", zip_of(*dist_info(), is_64=True, count=2), "contradict each other"),
    ("two ends whose places differ", zip_of(*dist_info(), is_64=True, start=0), "contradict each other"),
    ("members on another disk, at length", zip_of(*dist_info(), is_64=True, long_count_here=2), "one part of several"),
    ("a longer end that is none", zip_of(*dist_info(), is_64=True).replace(b"PK\6\6", b"PK\6\5"), "zip64 end is none"),
    ("a longer end that is missing", zip_of(*dist_info(), count=0xFFFF, count_here=0xFFFF), "not where, or as long as"),
]


@pytest.mark.parametrize(("name", "archive", "reason"), ENDS, ids=[name for name, *_ in ENDS])
def test_a_wheel_whose_end_contradicts_the_rest_is_refused(name: str, archive: bytes, reason: str) -> None:
    assert reason in refusal_of(archive)


def test_an_entry_of_the_directory_that_is_longer_than_the_directory_is_refused() -> None:
    archive = bytearray(wheel_of())
    last = archive.rindex(b"PK\x01\x02")
    struct.pack_into("<H", archive, last + 32, 500)  # its comment, which there is not
    assert "not where, or as long as" in refusal_of(bytes(archive))


@pytest.mark.parametrize("left", [0.1, 0.5, 0.9, 0.999])
def test_a_wheel_that_is_cut_off_is_refused(left: float) -> None:
    archive = wheel_of()
    assert "end is missing" in refusal_of(archive[: int(len(archive) * left)])


# -- bombs ------------------------------------------------------------------------------------------------------------


def zeros(size_bytes: int) -> bytes:
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    chunk = bytes(1 << 20)
    return b"".join(packing.compress(chunk) for _ in range(size_bytes >> 20)) + packing.flush()


def test_a_wheel_that_holds_a_thousand_times_its_size_is_refused_before_it_is_unpacked() -> None:
    huge = 1 << 30
    entry = Entry(name="x", body=b"not even deflated", central={"unpacked": huge}, local={"unpacked": huge})
    assert f"more than {MAX_RATIO} times its own size" in refusal_of(wheel_of(entry))


def test_a_wheel_that_says_it_holds_more_than_any_is_refused() -> None:
    size = struct.pack("<HHQ", 1, 8, members.UNPACKED_BYTES + 1)
    entry = Entry(name="x", body=b"", central={"unpacked": 0xFFFF_FFFF, "extra": size})
    assert f"more than {members.UNPACKED_BYTES} bytes" in refusal_of(wheel_of(entry))


def test_a_bomb_that_says_it_is_small_is_unpacked_no_further_than_it_says() -> None:
    entry = Entry(name="x", body=zeros(64 << 20), local={"unpacked": 100}, central={"unpacked": 100})
    assert "not as long as it says" in refusal_of(wheel_of(entry))


def test_a_member_of_many_pieces_is_read_to_its_end() -> None:
    data = bytes(5 << 20)
    assert facts_of(wheel_of(Entry(name="x", data=data), Entry(name="y", data=data, method=STORED))).version == "1.0"


def test_what_may_be_held_is_held_and_not_one_byte_more() -> None:
    packed_bytes = 10 * members.ALWAYS_BYTES // MAX_RATIO
    for packed, most in ((1, members.ALWAYS_BYTES), (packed_bytes, MAX_RATIO * packed_bytes)):
        found = Members(packed_bytes=packed)
        found.add_file("a", most)
        with pytest.raises(UnfitArchive, match="times its own size"):
            found.add_file("b", 1)


def test_members_are_counted_up_to_their_limit_and_not_one_more() -> None:
    found = Members(packed_bytes=1)
    for _ in range(members.MAX_MEMBERS):
        found.add_folder("the/same")
    with pytest.raises(UnfitArchive, match="more than 250000 members"):
        found.add_folder("the/same")


def test_paths_are_as_long_and_as_deep_as_may_be() -> None:
    found = Members(packed_bytes=1)
    long = "/".join(["é" * 100] * 20 + ["x" * (PATH_BYTES - 20 * 201)])
    assert len(long.encode()) == PATH_BYTES
    assert found.add_file(long, 0) == long
    found.add_file("/".join(["a"] * MAX_DEPTH), 0)
    with pytest.raises(UnfitArchive, match="4096"):
        found.add_file(f"{long}x", 0)


def test_all_paths_together_have_a_limit() -> None:
    found = Members(packed_bytes=1)
    folder = "x" * 3900
    room = members.PATHS_BYTES // (len(f"{10**6}/{folder}") + len(f"{10**6}") + 2 * 100)
    for number in range(10**6, 10**6 + room):
        found.add_file(f"{number}/{folder}", 0)
    with pytest.raises(UnfitArchive, match="all together"):
        found.add_file(f"{10**6 + room}/{folder}", 0)


# -- whatever comes ---------------------------------------------------------------------------------------------------

WHOLE = wheel_of(Entry(name="my_package/a.py", data=TEXT), Entry(name="my_package/b.py", data=TEXT, method=STORED))


@given(st.data())
def test_a_damaged_wheel_raises_nothing_but_a_refusal_and_never_gives_other_metadata(data: st.DataObject) -> None:
    archive = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 6))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(archive)), st.integers(0, len(archive))))
    try:
        facts = facts_of(bytes(archive[:cut]))
    except UploadRefused:
        return
    assert facts.core_metadata == METADATA


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_refusal(data: bytes) -> None:
    with pytest.raises(ArchiveRefused):
        facts_of(data)
    with pytest.raises(ArchiveRefused):
        facts_of(WHOLE[:200] + data)
    with pytest.raises(ArchiveRefused):
        facts_of(data[:-1] + b"x" + WHOLE)
