"""Which filenames may be published, and that no other gets by, whatever it looks like."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import parse_sdist_filename, parse_wheel_filename

from tiercache.errors import FilenameRefused
from tiercache.publish.filename import MAX_TAGS, published_filename
from tiercache.simple.names import MAX_FILENAME_BYTES, FilenameKind, normalise


@pytest.mark.parametrize(
    ("text", "kind", "project", "version"),
    [
        ("my_package-1.0-py3-none-any.whl", FilenameKind.WHEEL, "my-package", "1.0"),
        ("My.Package-1.0-1-py2.py3-none-any.whl", FilenameKind.WHEEL, "my-package", "1.0"),
        ("pkg-1!1.0+acme.1-cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", FilenameKind.WHEEL, "pkg", None),
        ("my_package-1.0.tar.gz", FilenameKind.SDIST, "my-package", "1.0"),
        ("my_package-1.0.zip", FilenameKind.SDIST, "my-package", "1.0"),
        # Older tools: the name as its author spelt it, and versions that were not normalised.
        ("My.Package-1.0.tar.gz", FilenameKind.SDIST, "my-package", "1.0"),
        ("my-package-1.0-beta.tar.gz", FilenameKind.SDIST, "my-package", "1.0b0"),
        ("my-package-1.00.tar.gz", FilenameKind.SDIST, "my-package", "1.0"),
        ("foo-linux-1.0.tar.gz", FilenameKind.SDIST, "foo-linux", "1.0"),
    ],
)
def test_names_of_wheels_and_sdists_are_read(text: str, kind: FilenameKind, project: str, version: str | None) -> None:
    read = published_filename(text)
    assert (read.text, read.kind, read.project) == (text, kind, project)
    assert read.version == (version or "1!1.0+acme.1")


@pytest.mark.parametrize(
    ("project", "version"), [("foo", "1.0.post2"), ("foo-1.0", "2"), (None, "2"), ("another", "2")]
)
def test_an_ambiguous_sdist_is_of_the_project_that_is_said(project: str | None, version: str) -> None:
    read = published_filename("foo-1.0-2.tar.gz", None if project is None else normalise(project))
    assert read.project == ("foo" if version == "1.0.post2" else "foo-1-0")
    assert read.version == version


REFUSED = [
    ("", "it is empty"),
    (".", "begins with a dot"),
    ("..", "begins with a dot"),
    (".my_package-1.0.tar.gz", "begins with a dot"),
    ("../my_package-1.0.tar.gz", "path separator"),
    ("/etc/my_package-1.0.tar.gz", "path separator"),
    ("dist\\my_package-1.0.tar.gz", "path separator"),
    ("C:my_package-1.0.tar.gz", "other characters than"),
    ("my_package-1.0.tar.gz\0.whl", "cannot be seen"),
    ("my_package-1.0.tar.gz\n", "cannot be seen"),
    ("my_package-1.0\u202ezg.rat.tar.gz", "cannot be seen"),  # reads right to left
    ("my_\u200bpackage-1.0.tar.gz", "cannot be seen"),  # no width
    ("my_package\ud800-1.0.tar.gz", "cannot be seen"),
    ("my_packаge-1.0.tar.gz", "other characters than"),  # a Cyrillic letter
    ("ｍy_package-1.0.tar.gz", "other characters than"),  # an m by NFKC
    ("my_ﬁle-1.0.tar.gz", "other characters than"),  # a ligature
    ("my_package-１.0.tar.gz", "other characters than"),  # a digit of full width
    ("my_package-1.0-py3-none-any．whl", "other characters than"),  # its dot
    ("café-1.0.tar.gz", "other characters than"),
    ("my package-1.0.tar.gz", "other characters than"),
    (" my_package-1.0.tar.gz", "cannot be seen"),
    ("my_package-1.0.tar.gz ", "cannot be seen"),
    ("-1.0.tar.gz", "other characters than"),
    ("my_package-1.0.tar.gz?x=1", "other characters than"),
    ("my_package-1.0.tar.gz#x", "other characters than"),
    ("my_package-1.0%2f.tar.gz", "other characters than"),
    ("<b>-1.0.tar.gz", "other characters than"),
    ("my_package-1.0-py3.11.egg", "eggs are no longer installed"),
    ("my_package-1.0.win32-py2.7.exe", "only wheels and sdists"),
    ("my_package-1.0.linux-x86_64.tar.gz", "only wheels and sdists"),
    ("my_package-1.0.win-amd64.zip", "only wheels and sdists"),
    ("my_package-1.0-1.noarch.rpm", "only wheels and sdists"),
    ("my_package-1.0.tar.bz2", "an sdist ends in .tar.gz"),
    ("my_package-1.0.tar.xz", "an sdist ends in .tar.gz"),
    ("my_package-1.0.tgz", "an sdist ends in .tar.gz"),
    ("my_package-1.0.TAR.GZ", "an sdist ends in .tar.gz"),
    ("my_package-1.0.tar", "an sdist ends in .tar.gz"),
    ("my_package-1.0.txt", "it ends neither"),
    ("my_package-1.0.tar.gz.metadata", "it ends neither"),
    ("my_package-1.0.tar.gz.asc", "it ends neither"),
    ("index.html", "it ends neither"),
    ("my_package.tar.gz", "it is not an sdist's"),
    ("my_package-.tar.gz", "it is not an sdist's"),
    ("my_package-one.tar.gz", "it is not an sdist's"),
    ("_-1.0.tar.gz", "other characters than"),
    ("a_-1.0.tar.gz", "it is not an sdist's"),
    ("my_package-1.0.whl", "it is not a wheel's"),
    ("my_package-one-py3-none-any.whl", "it is not a wheel's"),
    ("my_package-1.0-x1-py3-none-any.whl", "it is not a wheel's"),
    ("my_package-1.0-py3-none-any-more-x.whl", "it is not a wheel's"),
    ("my__package-1.0-py3-none-any.whl", "it is not a wheel's"),
    ("a_-1.0-py3-none-any.whl", "it is not a wheel's"),
    ("my_package-1.0-py3-none-any.WHL", "it is not a wheel's"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=[ascii(text) for text, _ in REFUSED])
def test_any_other_filename_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(FilenameRefused) as raised:
        published_filename(text)
    assert reason in raised.value.reason
    assert str(raised.value).isprintable()


def test_a_filename_is_as_long_as_may_be_and_not_one_letter_longer() -> None:
    ending = "-1.0.tar.gz"
    longest = "a" * 190 + "-1." + "0" * (MAX_FILENAME_BYTES - 190 - len("-1.") - len(".tar.gz")) + ".tar.gz"
    assert len(longest) == MAX_FILENAME_BYTES
    assert published_filename(longest).project == "a" * 190
    with pytest.raises(FilenameRefused, match="longer than 255 bytes"):
        published_filename("a" * (MAX_FILENAME_BYTES - len(ending) + 1) + ending)


def test_a_project_name_in_a_filename_has_its_own_limit() -> None:
    with pytest.raises(FilenameRefused, match="not an sdist's"):
        published_filename("a" * 201 + "-1.0.tar.gz")


def test_a_wheel_is_for_as_many_combinations_of_tags_as_may_be_and_not_for_more() -> None:
    def named(pythons: int) -> str:
        tags = ".".join(f"a{number}" for number in range(10))
        return f"p-1-{'.'.join(f'a{number}' for number in range(pythons))}-{tags}-{tags}.whl"

    assert MAX_TAGS == 1000
    assert published_filename(named(10)).project == "p"
    with pytest.raises(FilenameRefused, match="combinations"):
        published_filename(named(11))


FILENAMES = st.one_of(
    st.text(max_size=60),
    st.from_regex(r"[A-Za-z0-9._!+-]{0,30}(\.whl|\.tar\.gz|\.zip|\.egg)", fullmatch=True),
    st.builds(
        "{}-{}{}".format, st.text(max_size=20), st.text(max_size=8), st.sampled_from([".tar.gz", ".zip", ".whl"])
    ),
    st.from_regex(
        r"[A-Za-z0-9._-]{1,20}-[0-9.a-z!+]{1,8}(-[0-9]\w*)?-[\w.]{1,5}-[\w.]{1,5}-[\w.]{1,8}\.whl", fullmatch=True
    ),
)


@given(FILENAMES, st.sampled_from([None, "foo", "my-package"]))
def test_no_filename_raises_anything_but_a_refusal(text: str, said: str | None) -> None:
    project = None if said is None else normalise(said)
    with suppress(FilenameRefused):
        read = published_filename(text, project)
        assert text.isascii()
        assert read.project is not None
        assert read.version is not None
        assert published_filename(text, read.project) == read


@given(st.from_regex(r"[a-z0-9]{1,9}(_[a-z0-9]{1,9}){0,2}-[0-9]{1,3}(\.[0-9]{1,3}){0,2}", fullmatch=True))
def test_every_name_that_tools_write_today_is_read_as_packaging_reads_it(stem: str) -> None:
    sdist = published_filename(f"{stem}.tar.gz")
    name, version = parse_sdist_filename(f"{stem}.tar.gz")
    assert (sdist.kind, sdist.project, sdist.version) == (FilenameKind.SDIST, name, str(version))
    wheel = published_filename(f"{stem}-py3-none-any.whl")
    name, version, *_ = parse_wheel_filename(f"{stem}-py3-none-any.whl")
    assert (wheel.kind, wheel.project, wheel.version) == (FilenameKind.WHEEL, name, str(version))
