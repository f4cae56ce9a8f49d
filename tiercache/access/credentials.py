"""Credentials: what a request shows of who sends it (`Authorization`, RFC 9110 section 11.6.2).

What they are worth is `accounts`' affair.
"""

from __future__ import annotations

from base64 import b64decode

from attrs import field, frozen

TOKEN_USER = "__token__"  # noqa: S105  # a user's name
"""The user that clients send with a token for a password, as they do to the public index."""

LONGEST_BYTES = 4096
"""A longer `Authorization` is none: hashing takes time by length."""


@frozen(kw_only=True)
class Password:
    """A user and what they say is their password (RFC 7617)."""

    user: str
    password: str = field(repr=False)


@frozen(kw_only=True)
class Token:
    """A token by itself (RFC 6750)."""

    token: str = field(repr=False)


@frozen
class Unreadable:
    """Something was shown, and it is no credentials."""


Credentials = Password | Token | Unreadable


def credentials_of(authorization: str | None) -> Credentials | None:
    """What the value of an `Authorization` field says; None where there is no such field.

    A token may come as a bearer's, as the password of `TOKEN_USER`, or, as in a URL with no colon, as a user without a
    password.
    """
    if authorization is None:
        return None
    scheme, _, rest = authorization.strip().partition(" ")
    rest = rest.strip()
    if len(authorization) > LONGEST_BYTES or not rest:
        return Unreadable()
    match scheme.lower():
        case "bearer":
            return Token(token=rest)
        case "basic":
            return _basic(rest)
    return Unreadable()


def _basic(encoded: str) -> Credentials:
    try:
        user, colon, password = b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except ValueError:  # no base64, or no UTF-8
        return Unreadable()
    if not colon:
        return Unreadable()
    if user == TOKEN_USER:
        return Token(token=password)
    return Password(user=user, password=password) if password else Token(token=user)
