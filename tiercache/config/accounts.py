"""What `access:` says: what is wrong with it as a whole, and the values that the guard works with."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tiercache.access.accounts import Account
from tiercache.access.credentials import TOKEN_USER
from tiercache.access.permissions import Grant, Permissions
from tiercache.access.principals import ANYONE, OPERATOR, Network, Who, network_of
from tiercache.config.structure import Flaw, meant
from tiercache.config.values import AccessConfig, UserConfig
from tiercache.simple.patterns import ProjectPatterns

# A user's name is sent before a colon (RFC 7617), and stands in `who` beside groups and networks.
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}", re.ASCII)


def permissions_of(access: AccessConfig) -> Permissions:
    """Who may do what."""
    return Permissions(
        grants=tuple(
            Grant(
                who=tuple(map(Who.parse, grant.who)),
                may=frozenset(grant.may),
                projects=ProjectPatterns(grant.projects),
            )
            for grant in access.grants
        )
    )


def trusted_proxies_of(access: AccessConfig) -> tuple[Network, ...]:
    """Who is believed to say for whom they ask."""
    return tuple(network for network in map(network_of, access.trusted_proxies) if network is not None)


def accounts_of(access: AccessConfig) -> dict[str, Account]:
    """The users that stand in the configuration itself, by name, their secrets revealed."""
    return {name: _account(name, user) for name, user in access.users.items()}


def groups_of(access: AccessConfig, user: str) -> frozenset[str] | None:
    """The groups that a user is in; None where there is no such user, as far as the configuration tells."""
    if user in access.users:
        return frozenset(access.users[user].groups)
    return None if access.htpasswd is None else frozenset()


def _account(name: str, user: UserConfig) -> Account:
    secret = None if user.password is None else user.password.secret.reveal()
    is_hashed = user.password is not None and user.password.is_hashed
    return Account(
        user=name,
        groups=frozenset(user.groups),
        password_hash=secret if is_hashed else None,
        password=None if is_hashed else secret,
        token=None if user.token is None else user.token.reveal(),
    )


def access_flaws(access: AccessConfig) -> Iterator[Flaw]:
    """What the keys of `access` say together that cannot be."""
    tokens: dict[str, str] = {}
    for name, user in access.users.items():
        place = f"access.users.{name}"
        if not _USER.fullmatch(name) or name in (ANYONE, OPERATOR, TOKEN_USER) or network_of(name) is not None:
            yield place, f"{name!r} is no name of a user: letters, digits and . _ @ + -, and not what means another"
        if user.password is None and user.token is None and access.htpasswd is None:
            yield place, "needs a password or a token, since there is no htpasswd file"
        if user.token is not None:
            first = tokens.setdefault(user.token.reveal(), name)
            if first != name:
                yield f"{place}.token", f"is the token of {first} already"
    if not access.grants:
        for key, value in (("users", access.users), ("htpasswd", access.htpasswd)):
            if value:
                yield f"access.{key}", "needs grants beside it: without any, anyone may read"
    elif not any("read" in grant.may for grant in access.grants):
        yield "access.grants", "let nobody read: what is not granted is not given"
    groups = {group for user in access.users.values() for group in user.groups}
    for index, grant in enumerate(access.grants):
        for position, word in enumerate(grant.who):
            place, who = f"access.grants[{index}].who[{position}]", Who.parse(word)
            if who.user is not None and who.user not in access.users and access.htpasswd is None:
                yield place, f"{word!r} is no user{meant(word, [*access.users, ANYONE])}"
            if who.group is not None and who.group not in groups:
                near = meant(word, [f"@{group}" for group in groups])
                yield place, f"{word!r} is a group that no user is in (`users: {{name: {{groups: [...]}}}}`){near}"
