"""Which requirements name a URL, whatever else is wrong with the metadata, and which files are the public's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.policy.direct_urls import (
    LONGEST_READ,
    LONGEST_SHOWN,
    PRIVATE,
    REMEMBERED_BYTES,
    UNREAD,
    direct_url_requirements,
    is_private,
    reliable_direct_urls,
    told,
)
from tiercache.policy.selection import HERE
from tiercache.simple.model import File

HEAD = b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\nAuthor-email: Ann <ann@acme.example>\n"
URL = "https://files.example/evil-1.0.whl"


@pytest.mark.parametrize(
    ("field", "found"),
    [
        (f"Requires-Dist: evil @ {URL}", f"evil @ {URL}"),
        (f"Requires-Dist: evil@{URL}", f"evil@{URL}"),
        (f"requires-dist: evil @ {URL}", f"evil @ {URL}"),
        (f"REQUIRES-DIST:evil[big] @ {URL}", f"evil[big] @ {URL}"),
        (f'Requires-Dist: evil @ {URL} ; extra == "all"', f'evil @ {URL} ; extra == "all"'),
        (f"Requires-Dist: evil @ git+{URL}@main", f"evil @ git+{URL}@main"),
        ("Requires-Dist: evil @ file:///etc/passwd", "evil @ file:///etc/passwd"),
        (f"Requires-Dist: evil\n  @ {URL}", f"evil\n  @ {URL}"),
        (f"Requires-Dist: evil\r\n  @ {URL}", f"evil\r\n  @ {URL}"),
        # what packaging reads as no requirement at all, and some client may
        (f"Requires-Dist: evil @ {URL};python_version>3", f"evil @ {URL};python_version>3"),
        ("Requires-Dist: evil @ ", "evil @"),
        ("Requires-Dist: evil @ ./evil.whl ; nonsense", "evil @ ./evil.whl ; nonsense"),
    ],
)
def test_a_requirement_with_a_url_is_found(field: str, found: str) -> None:
    (only,) = direct_url_requirements(HEAD + field.encode() + b"\n\nIt does nothing.\n")
    assert only.strip() == found


def test_a_requirement_that_is_no_utf_8_or_is_encoded_as_in_mail_is_found_too() -> None:
    (latin,) = direct_url_requirements(HEAD + b"Requires-Dist: evil @ https://files.example/\xff.whl\n")
    assert latin.startswith("evil @ https://files.example/")
    encoded = b"Requires-Dist: =?utf-8?q?evil_=40_https=3A//files.example/evil.whl?=\n"
    assert direct_url_requirements(HEAD + encoded) == ("evil @ https://files.example/evil.whl",)


def test_each_is_told_once_and_in_order() -> None:
    fields = f"Requires-Dist: b @ {URL}\nRequires-Dist: a @ {URL}\nRequires-Dist: b @ {URL}\nRequires-Dist: c\n"
    assert direct_url_requirements(HEAD + fields.encode()) == (f"b @ {URL}", f"a @ {URL}")


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "Requires-Dist: numpy>=1.0\n",
        "Requires-Dist: numpy (>=1.0,)\n",  # as files of ten years ago have it
        "Requires-Dist: numpy (>=1.0); python_version < 'three@'\n",
        "Requires-Dist: \n",
        "Requires-Dist: @\n",
        f"Requires-External: evil @ {URL}\n",
        f"Project-URL: Home, {URL}@x\n",
        f"Description: evil @ {URL}\n",
        f"Summary: Requires-Dist: evil @ {URL}\n",
    ],
)
def test_what_is_no_requirement_with_a_url_is_none(fields: str) -> None:
    assert direct_url_requirements(HEAD + fields.encode() + b"\nText.\n") == ()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (HEAD + b"Requires-Dist: a\n" * 60_000, ()),
        (HEAD + b"Requires-Dist: a" + b" " * 400_000 + b"b\nX: @\n", ()),
        (HEAD + b"Requires-Dist: a" + b" " * 400_000 + b"@ b\n", ("a" + " " * 400_000 + "@ b",)),
        (HEAD + b"Requires-Dist: " + b"=?utf-8?q?a" * 20_000 + b"\n", ("=?utf-8?q?a" * 20_000,)),
        (HEAD + b"Requires-Dist: a\n" * 70_000 + b"X: @\n", (UNREAD,)),
    ],
)
def test_what_is_made_to_be_slow_is_read_as_fast_as_it_is_long(data: bytes, found: tuple[str, ...]) -> None:
    assert direct_url_requirements(data) == found
    assert reliable_direct_urls(data.replace(b"2.1", b"2.2", 1)) == (found or ((UNREAD,) if len(data) > 2**20 else ()))


@pytest.mark.parametrize("more", [0, 1])
def test_a_requirement_of_one_character_too_many_counts_as_what_it_may_hide(more: int) -> None:
    text = "a".ljust(LONGEST_READ - 1 + more, "a") + "@"
    assert direct_url_requirements(HEAD + f"Requires-Dist: {text}\n".encode()) == (text,)
    text = f"a; os_name == '{'x' * (LONGEST_READ - 17 + more)}@'"
    assert direct_url_requirements(HEAD + f"Requires-Dist: {text}\n".encode()) == ((text,) if more else ())


def test_the_description_says_what_it_likes() -> None:
    assert direct_url_requirements(HEAD + f"\nRequires-Dist: evil @ {URL}\n".encode()) == ()


@pytest.mark.parametrize("first", [b"\n", b"\r\n\r\n", b"\xef\xbb\xbf"])
def test_what_stands_before_the_first_field_hides_none(first: bytes) -> None:
    assert direct_url_requirements(first + f"Requires-Dist: evil @ {URL}\n".encode() + HEAD) == (f"evil @ {URL}",)


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_nothing_is_an_error(data: bytes, more: bytes) -> None:
    for metadata in (data, HEAD + b"Requires-Dist: " + data, b"Content-Type: multipart/mixed; boundary=x\n" + data):
        for found in direct_url_requirements(metadata + b"\nRequires-Dist: @" + more):
            assert found
        reliable_direct_urls(b"Metadata-Version: 2.2\n" + metadata)


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("Metadata-Version: 2.2", (f"evil @ {URL}",)),
        ("Metadata-Version: 2.4", (f"evil @ {URL}",)),
        ("Metadata-Version: 10.0", (f"evil @ {URL}",)),
        ("Metadata-Version: 2.2\nDynamic: Version", (f"evil @ {URL}",)),
        ("Metadata-Version: 2.2\nDynamic: requires-dist", None),
        ("Metadata-Version: 2.1", None),
        ("Metadata-Version: 1.2", None),
        ("Metadata-Version: new", None),
        ("Metadata-Version: 2.2\nMetadata-Version: 2.1", None),
        ("Name: acme", None),
    ],
)
def test_an_sdist_is_believed_from_version_2_2_on_but_for_what_is_dynamic(
    head: str, found: tuple[str, ...] | None
) -> None:
    assert reliable_direct_urls(f"{head}\nRequires-Dist: evil @ {URL}\n".encode()) == found


@pytest.mark.parametrize(
    ("tier", "stated", "is_marked", "private"),
    [
        (HERE, {}, False, True),
        ("public", {"public": None}, False, False),
        ("public", {"public": True}, False, False),
        ("public", {"public": False}, False, True),
        ("office", {"office": None}, True, True),
        ("office", {"office": None}, False, False),
        ("office", {"office": True}, True, False),
        ("office", {"office": False}, False, True),
        ("gone", {}, False, False),
        ("gone", {}, True, True),
    ],
)
def test_whose_files_are_the_publics(tier: str, stated: dict[str, bool | None], is_marked: bool, private: bool) -> None:
    marks = {PRIVATE: True} if is_marked else {}
    file = File(filename="acme-1.0.tar.gz", url="https://files.example/acme-1.0.tar.gz", extra=marks)
    assert is_private(file, tier, stated) is private


@pytest.mark.parametrize("mark", ["true", 1, "False", {}])
def test_no_other_value_of_the_mark_means_anything(mark: object) -> None:
    file = File(filename="acme-1.0.tar.gz", url="https://files.example/acme-1.0.tar.gz", extra={PRIVATE: mark})
    assert is_private(file, "office", {}) is False


def test_requirements_are_told_in_one_line_of_bounded_length() -> None:
    assert told(["a @ x", "b\n  @\x1b[31m y"]) == "a @ x, b @?[31m y"
    assert told(["a @ x"] * 4) == "a @ x, a @ x, a @ x, ..."
    assert told(["a" * LONGEST_SHOWN]) == "a" * LONGEST_SHOWN
    assert told(["a" * (LONGEST_SHOWN + 1)]) == "a" * LONGEST_SHOWN + "..."


@pytest.mark.parametrize("more", [0, 1])
def test_fields_that_are_too_long_to_be_remembered_are_read_as_any_others(more: int) -> None:
    fields = b"Requires-Dist: a @ https://x.example/a.whl\nX: "
    metadata = fields.ljust(REMEMBERED_BYTES + more, b"x") + b"\n\nbody"
    assert [direct_url_requirements(metadata) for _ in range(2)] == [("a @ https://x.example/a.whl",)] * 2
