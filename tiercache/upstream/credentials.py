"""Which credentials a request carries: those of the host that it goes to, and no others.

Gathered from a tier's URL, its user and password or token, and netrc.  Nothing here is ever shown: no repr, no message.
"""

from __future__ import annotations

import netrc
from base64 import b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import field, frozen

from tiercache.upstream.target import Host, Target


def basic(user: str, password: str) -> str:
    """The value of an Authorization header for a user (RFC 7617, in UTF-8)."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


def bearer(token: str) -> str:
    """The value of an Authorization header for a token (RFC 6750)."""
    return "Bearer " + token


@frozen(kw_only=True)
class Credentials:
    """Authorization by host: scheme, name and port all have to agree."""

    by_host: Mapping[Host, str] = field(factory=dict, repr=False)

    def authorization(self, target: Target) -> str | None:
        """The value of the Authorization header for a request, or None.

        Userinfo in the URL itself wins: a page may list a file with the credentials that its host wants.
        """
        if target.user is not None:
            return basic(target.user, target.password or "")
        return self.by_host.get(target.host)


def credentials_of(
    base: Target,
    *,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    netrc_file: Path | None = None,
    declared_hosts: Iterable[str] = (),
) -> Credentials:
    """The credentials of one tier: a token, else user and password, else the URL's userinfo, else netrc.

    `declared_hosts` are the names in `files-from`: netrc's words for them are used over https only, while netrc's
    for any other host are not used at all, so that a page cannot make this node knock with a password at a host that
    nobody declared.  Reads the file (blocking); one that is missing or cannot be read counts for nothing.
    """
    by_host: dict[Host, str] = {}
    known = None if netrc_file is None else _netrc(netrc_file)
    if known is not None:
        for host in (base.host, *(Host(scheme="https", name=name.lower(), port=443) for name in declared_hosts)):
            found = known.authenticators(host.name)
            if found is not None:
                by_host[host] = basic(found[0], found[2] or "")
    if token is not None:
        by_host[base.host] = bearer(token)
    elif user is not None:
        by_host[base.host] = basic(user, password or "")
    elif base.user is not None:
        by_host[base.host] = basic(base.user, base.password or "")
    return Credentials(by_host=by_host)


def netrc_path(environment: Mapping[str, str], home: Path) -> Path:
    """Where netrc is: the variable NETRC, else `~/.netrc`."""
    named = environment.get("NETRC")
    return Path(named) if named else home / ".netrc"


def _netrc(path: Path) -> netrc.netrc | None:
    try:
        return netrc.netrc(path)
    except (OSError, UnicodeDecodeError, netrc.NetrcParseError):
        return None  # as pip has it; the parser's message would repeat the file's words
