"""What an Authorization field says."""

from __future__ import annotations

from base64 import b64encode

import pytest

from tiercache.access.credentials import LONGEST_BYTES, Credentials, Password, Token, Unreadable, credentials_of


def basic(text: str | bytes) -> str:
    return "Basic " + b64encode(text.encode() if isinstance(text, str) else text).decode()


@pytest.mark.parametrize(
    ("authorization", "credentials"),
    [
        (None, None),
        ("Bearer t0ken", Token(token="t0ken")),
        ("bearer   t0ken ", Token(token="t0ken")),
        (basic("alice:s3cret"), Password(user="alice", password="s3cret")),
        (basic("alice:s3:cr:et"), Password(user="alice", password="s3:cr:et")),
        (basic("älice:pässword"), Password(user="älice", password="pässword")),
        (basic("__token__:t0ken"), Token(token="t0ken")),
        (basic("t0ken:"), Token(token="t0ken")),
        (basic(":"), Token(token="")),
        ("", Unreadable()),
        ("Basic", Unreadable()),
        ("Basic ", Unreadable()),
        ("Basic !!!", Unreadable()),
        ("Basic ä", Unreadable()),
        (basic("no colon"), Unreadable()),
        (basic(b"\xff:\xfe"), Unreadable()),
        ("Digest username=alice", Unreadable()),
        ("Bearer", Unreadable()),
        # two fields, as the request's reader joins them
        (f"{basic('alice:s3cret')}, {basic('bob:s3cret')}", Unreadable()),
    ],
)
def test_field_says_what_it_says(authorization: str | None, credentials: Credentials | None) -> None:
    assert credentials_of(authorization) == credentials


def test_field_that_is_a_byte_too_long_is_none() -> None:
    longest = "Bearer " + "x" * (LONGEST_BYTES - len("Bearer "))
    assert isinstance(credentials_of(longest), Token)
    assert isinstance(credentials_of(longest + "x"), Unreadable)


def test_no_secret_is_shown() -> None:
    assert "s3cret" not in repr([Password(user="alice", password="s3cret"), Token(token="s3cret")])
