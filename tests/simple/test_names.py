"""Names of projects, files and bytes."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import parse_sdist_filename, parse_wheel_filename

from tests.simple.pages import digests
from tiercache.errors import InvalidName
from tiercache.simple.digests import HEX_LENGTHS
from tiercache.simple.model import STRONGEST_FIRST, File, FileIdentity, ProjectName
from tiercache.simple.names import (
    MAX_CANDIDATES,
    MAX_FILENAME_BYTES,
    MAX_PROJECT_NAME,
    FilenameKind,
    candidate_projects,
    checked_filename,
    identity_of,
    is_distribution,
    is_normal,
    normalise,
    parse_filename,
    parse_identity,
)

# -- projects ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("requests", "requests"),
        ("Django", "django"),
        ("zope.interface", "zope-interface"),
        ("a_-._b", "a-b"),
        ("7", "7"),
        ("A" * MAX_PROJECT_NAME, "a" * MAX_PROJECT_NAME),
    ],
)
def test_project_names_are_normalised(text: str, name: str) -> None:
    assert normalise(text) == name
    assert is_normal(name)


NO_NAMES = [
    "",
    ".",
    "..",
    "../etc/passwd",
    "a/b",
    "a\\b",
    "a\0b",
    "a\n",
    "a b",
    " a",
    "-a",
    "a-",
    "_a",
    "a.",
    "%2e%2e",
    "é",
    "\u212a",  # KELVIN SIGN, which lower-cases to an ASCII k
    "ſ",  # LATIN SMALL LETTER LONG S, which a case-blind [A-Z] takes
    "a" * (MAX_PROJECT_NAME + 1),
]


@pytest.mark.parametrize("text", NO_NAMES)
def test_what_is_no_project_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        normalise(text)
    assert not is_normal(text)


@pytest.mark.parametrize("text", ["Django", "zope.interface", "a_b", "a--b"])
def test_a_name_that_could_be_written_otherwise_is_not_normal(text: str) -> None:
    assert not is_normal(text)


@given(st.text(max_size=30))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    try:
        name = normalise(text)
    except InvalidName:
        return
    assert normalise(name) == name
    assert is_normal(name)


# -- filenames --------------------------------------------------------------------------------------------------

WHEEL, SDIST, EGG, LEGACY, OTHER = FilenameKind

FILENAMES = [
    # wheels
    ("foo-1.0-py3-none-any.whl", WHEEL, "foo", "1.0"),
    ("Foo_Bar-1.0-py3-none-any.whl", WHEEL, "foo-bar", "1.0"),
    ("foo.bar-1.0-py3-none-any.whl", WHEEL, "foo-bar", "1.0"),
    ("foo-1.0-1-py3-none-any.whl", WHEEL, "foo", "1.0"),
    ("foo-1.0-2local-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", WHEEL, "foo", "1.0"),
    ("foo-1!2.0-py2.py3-none-any.whl", WHEEL, "foo", "1!2.0"),
    ("torch-2.1.0+cu121-cp311-cp311-linux_x86_64.whl", WHEEL, "torch", "2.1.0+cu121"),
    ("foo-01.0.RC1-py3-none-any.whl", WHEEL, "foo", "1.0rc1"),
    ("foo-1.0_dirty-py3-none-any.whl", WHEEL, "foo", "1.0_dirty"),
    ("foo__bar-1.0-py3-none-any.whl", WHEEL, "foo-bar", "1.0"),
    ("foo-1.0-notabuild-py3-none-any.whl", WHEEL, "foo", "1.0"),
    ("foo-1.0.whl", WHEEL, "foo", None),
    ("é-1.0-py3-none-any.whl", WHEEL, None, None),
    (f"foo-1.0-{'.'.join(['py3'] * 30)}-{'.'.join(['abi3'] * 15)}-any.whl", WHEEL, "foo", "1.0"),
    # sdists
    ("foo-1.0.tar.gz", SDIST, "foo", "1.0"),
    ("Foo.Bar-1.0.tar.gz", SDIST, "foo-bar", "1.0"),
    ("foo-bar-1.0.tar.gz", SDIST, "foo-bar", "1.0"),
    ("foo-1.0.zip", SDIST, "foo", "1.0"),
    ("FOO-1.0.ZIP", SDIST, "foo", "1.0"),
    ("foo-1.0.tar.bz2", SDIST, "foo", "1.0"),
    ("foo-1.0.tgz", SDIST, "foo", "1.0"),
    ("foo-1.0.tar.xz", SDIST, "foo", "1.0"),
    ("foo-1.0.tar.Z", SDIST, "foo", "1.0"),
    ("foo-1!2.0.post1.dev3+local.4.tar.gz", SDIST, "foo", "1!2.0.post1.dev3+local.4"),
    ("foo-bar-1.0-2.tar.gz", SDIST, "foo-bar", "1.0.post2"),
    ("foo-2-1.0.tar.gz", SDIST, "foo-2", "1.0"),
    ("foo-1.0-beta.tar.gz", SDIST, "foo", "1.0b0"),
    ("foo-1.0dev-r123.tar.gz", SDIST, "foo", "1.0dev-r123"),
    ("foo-bar-snapshot.tar.gz", SDIST, "foo-bar", "snapshot"),
    ("foo.tar.gz", SDIST, "foo", None),
    ("foo-.tar.gz", SDIST, "foo", None),
    ("-1.0.tar.gz", SDIST, None, None),
    # eggs
    ("foo-1.0-py2.7.egg", EGG, "foo", "1.0"),
    ("Foo_Bar-1.0_r12-py2.5-linux-x86_64.egg", EGG, "foo-bar", "1.0.post12"),
    ("foo-1.0.egg", EGG, "foo", "1.0"),
    ("foo.egg", EGG, "foo", None),
    # bdist_wininst, bdist_msi, bdist_rpm, bdist_dmg, bdist_dumb, Debian
    ("foo-1.0.win32.exe", LEGACY, "foo", "1.0"),
    ("foo-1.0.win32-py2.7.exe", LEGACY, "foo", "1.0"),
    ("foo-bar-1.0.win-amd64-py3.5.exe", LEGACY, "foo-bar", "1.0"),
    ("foo-1.0.win-amd64-py2.7.msi", LEGACY, "foo", "1.0"),
    ("foo-1.0-1.noarch.rpm", LEGACY, "foo", "1.0"),
    ("foo-1.0-1.src.rpm", LEGACY, "foo", "1.0"),
    ("foo-1.0-py2.6-macosx10.6.dmg", LEGACY, "foo", "1.0"),
    ("foo-1.0.linux-x86_64.tar.gz", LEGACY, "foo", "1.0"),
    ("foo-1.0.macosx-10.9-x86_64.tar.gz", LEGACY, "foo", "1.0"),
    ("foo-1.0.win32.zip", LEGACY, "foo", "1.0"),
    ("python-foo_1.0-1_all.deb", LEGACY, "python-foo", "1.0"),
    # nonsense
    ("foo", OTHER, None, None),
    ("index.html", OTHER, None, None),
    ("foo-1.0.tar.gz.asc", OTHER, None, None),
    ("foo-1.0.whl.metadata", OTHER, None, None),
]


@pytest.mark.parametrize(("text", "kind", "project", "version"), FILENAMES)
def test_filenames_tell_kind_project_and_version(
    text: str, kind: FilenameKind, project: str | None, version: str | None
) -> None:
    read = parse_filename(text)
    assert (read.text, read.kind, read.project, read.version) == (text, kind, project, version)
    assert is_distribution(text) == (kind is not OTHER)
    assert candidate_projects(text)[:1] == (() if project is None else (project,))


@pytest.mark.parametrize("text", [row[0] for row in FILENAMES])
def test_what_packaging_reads_for_sure_is_read_as_packaging_does(text: str) -> None:
    try:
        if text.endswith(".whl"):
            name, version, *_ = parse_wheel_filename(text)
        elif text.count("-") == 1:
            name, version = parse_sdist_filename(text)
        else:
            return
    except ValueError:
        return
    if not is_normal(name):
        return  # packaging takes letters in filenames that no project's name may have
    assert str(parse_filename(text).project) == name
    assert parse_filename(text).version == str(version)


def test_known_project_decides_how_an_ambiguous_name_is_read() -> None:
    assert parse_filename("foo-bar-1.0-2.tar.gz", ProjectName("foo-bar-1-0")).version == "2"
    assert parse_filename("foo-bar-1.0-2.tar.gz", ProjectName("foo-bar")).version == "1.0.post2"
    assert parse_filename("foo-bar-1.0-2.tar.gz", ProjectName("other")).project == "foo-bar"


@pytest.mark.parametrize(
    ("text", "projects"),
    [
        ("foo-1.0-py3-none-any.whl", ("foo",)),
        ("foo_bar-1.0-py2.7.egg", ("foo-bar",)),
        ("foo-1.0.tar.gz", ("foo",)),
        ("foo-bar-1.0-2.tar.gz", ("foo-bar", "foo-bar-1-0", "foo")),
        ("foo-1.0dev-r123.tar.gz", ("foo", "foo-1-0dev")),
        ("a-b-c.tar.gz", ("a-b", "a")),
        ("foo_bar-1.0-py3-none-any.whl", ("foo-bar",)),
        ("Foo.Bar-1.0-2-py3-none-any.WHL", ("foo-bar",)),
        ("foo__bar-old-py3-none-any.whl", ("foo-bar",)),
        ("foo.whl", ("foo",)),
        ("-1.0-py3-none-any.whl", ()),
        ("../foo-1.0-py3-none-any.whl", ()),
        ("../foo-1.0.tar.gz", ()),
        ("index.html", ()),
    ],
)
def test_candidates_are_the_most_plausible_projects_first(text: str, projects: tuple[str, ...]) -> None:
    assert candidate_projects(text) == projects


def test_candidates_are_few_however_many_dashes_there_are() -> None:
    dashes = "-".join("abcdefghijklmnop")
    assert len(candidate_projects(f"{dashes}.tar.gz")) == MAX_CANDIDATES
    assert len(candidate_projects("a-b-c-d-e-f-g-h-i.tar.gz")) == MAX_CANDIDATES
    assert len(candidate_projects("a-b-c-d-e-f-g-h.tar.gz")) == MAX_CANDIDATES - 1


@given(st.text(max_size=40), st.sampled_from(["", ".whl", ".tar.gz", ".egg", ".exe", ".rpm", ".deb", ".zip"]))
def test_no_filename_is_too_odd_to_be_read(stem: str, ending: str) -> None:
    projects = candidate_projects(stem + ending)
    assert all(is_normal(project) for project in projects)
    try:
        read = parse_filename(stem + ending)
    except InvalidName:
        assert projects == ()
    else:
        assert projects[:1] == (() if read.project is None else (read.project,))


@pytest.mark.parametrize(
    "text",
    ["foo-1.0.tar.gz", "a", "é-1.0.zip", "a b-1.0.zip", "foo-1!0+x.tar.gz", "x" * MAX_FILENAME_BYTES, "é" * 127],
)
def test_filenames_pass_the_check_unchanged(text: str) -> None:
    assert checked_filename(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        ".hidden",
        "a/b",
        "/a",
        "a\\b",
        "a\0b",
        "a\nb",
        "a\x7fb",
        "a\x85b",
        "a\u202eb",
        "a\u2028b",
        "a\ufffdb",
        " a",
        "a ",
        "x" * (MAX_FILENAME_BYTES + 1),
        "é" * 128,
    ],
)
def test_what_is_no_filename_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        checked_filename(text)
    with pytest.raises(InvalidName):
        parse_filename(text)


def test_half_a_character_is_no_filename() -> None:
    with pytest.raises(InvalidName):
        checked_filename("a\ud800b")


# -- identities -------------------------------------------------------------------------------------------------


def test_every_digest_names_a_file_and_can_be_read_back() -> None:
    for algorithm in (*STRONGEST_FIRST, "url"):
        identity = FileIdentity(algorithm, "a" * HEX_LENGTHS.get(algorithm, 64))
        assert parse_identity(identity.segment) == identity


@pytest.mark.parametrize(
    "segment",
    [
        "",
        "-",
        "a" * 63,
        "a" * 65,
        "A" * 64,
        "g" * 64,
        "a" * 63 + "\n",
        "٣" * 64,
        "sha256-" + "a" * 64,
        "sha512-" + "a" * 64,
        "md5-" + "a" * 31,
        "md5-" + "a" * 33,
        "MD5-" + "a" * 32,
        "crc32-" + "a" * 8,
        "url-" + "a" * 63,
        "blake2b-" + "a" * 64,
        "blake2b_256-" + "a" * 128,
        "..",
        "-" + "a" * 64,
    ],
)
def test_what_is_no_identity_is_refused(segment: str) -> None:
    with pytest.raises(InvalidName):
        parse_identity(segment)


@given(st.text(max_size=200))
def test_reading_an_identity_is_the_inverse_of_writing_one(text: str) -> None:
    try:
        identity = parse_identity(text)
    except InvalidName:
        return
    assert identity.segment == text


@given(st.lists(digests(st.sampled_from(STRONGEST_FIRST)), min_size=1, max_size=4))
def test_the_strongest_digest_names_a_file(several: list[dict[str, str]]) -> None:
    hashes = {name: value for one in several for name, value in one.items()}
    identity = identity_of(File(filename="a.zip", url="https://tier.example/a.zip", hashes=hashes))
    assert identity.algorithm == min(hashes, key=STRONGEST_FIRST.index)
    assert identity.value == hashes[identity.algorithm]


@pytest.mark.parametrize("hashes", [{}, {"crc32": "aaaaaaaa"}, {"sha256": "a" * 63}, {"md5": "A" * 32}])
def test_a_file_without_a_usable_digest_is_named_by_its_url(hashes: dict[str, str]) -> None:
    url = "https://tier.example/a.zip"
    identity = identity_of(File(filename="a.zip", url=url, hashes=hashes))
    assert identity == FileIdentity("url", hashlib.sha256(url.encode()).hexdigest())
