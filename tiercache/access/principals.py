"""Principals: whoever asks for something, as far as that is known."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from attrs import frozen

from tiercache.access.tokens import IssuedToken

ANYONE = "anyone"
"""Stands for every principal, where one is named."""

OPERATOR = "operator"
"""What the holder of the control token is called, in the audit trail; no user's name."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


LONGEST_ADDRESS = 45
"""Of its text, in characters: an IPv6 address whose end is written as IPv4."""


@frozen(kw_only=True)
class Principal:
    """`user` None: they did not say who they are.  `address`: where they ask from, None where unknown.

    `is_operator`: they hold the word that the running node trusts on its own machine, and may do everything.
    `is_local`: they are programs of that machine, as far as can be told.  `token`: what they have shown, if it is one
    that was issued: it takes from what its owner may do, and never gives.
    """

    user: str | None = None
    groups: frozenset[str] = frozenset()
    address: Address | None = None
    is_operator: bool = False
    is_local: bool = False
    token: IssuedToken | None = None

    @property
    def is_known(self) -> bool:
        """Whether they have said who they are."""
        return self.user is not None or self.is_operator or self.token is not None

    def __str__(self) -> str:
        """As the audit trail has it: `alice`, `token ci of alice`, `operator`, `anyone at 192.0.2.7`."""
        if self.token is not None:
            return f"token {self.token.name} of {self.token.owner or OPERATOR}"
        if self.is_operator:
            return OPERATOR
        if self.user is not None:
            return self.user
        return ANYONE if self.address is None else f"{ANYONE} at {self.address}"


@frozen(kw_only=True)
class Who:
    """One `who` of a grant: everybody, a user, everybody in a group, or whoever comes from a network."""

    user: str | None = None
    group: str | None = None
    network: Network | None = None

    @classmethod
    def parse(cls, text: str) -> Who:
        """What `anyone`, `@release`, `10.1.0.0/16` or `alice` means."""
        if text == ANYONE:
            return cls()
        if text.startswith("@"):
            return cls(group=text[1:])
        network = network_of(text)
        return cls(user=text) if network is None else cls(network=network)

    @property
    def is_anyone(self) -> bool:
        """Whether this is everybody."""
        return self.user is None and self.group is None and self.network is None

    def includes(self, principal: Principal) -> bool:
        """Whether a principal is meant."""
        if self.user is not None:
            return principal.user == self.user
        if self.group is not None:
            return self.group in principal.groups
        if self.network is not None:
            # Of two versions of IP, no address is in the other's networks.
            return principal.address is not None and principal.address in self.network
        return True


def network_of(text: str) -> Network | None:
    """A network such as `10.1.0.0/16`, or a single address; None for any other text."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def address_of(text: str | None) -> Address | None:
    """The address of a connection's other end; None where it has none, as on a Unix socket.

    An IPv4 address that a socket for both shows as IPv6 is IPv4 (RFC 4291 section 2.5.5.2); a zone says nothing.
    """
    plain = (text or "").partition("%")[0]
    return _address(plain) if len(plain) <= LONGEST_ADDRESS else None


@lru_cache(maxsize=1024)
def _address(plain: str) -> Address | None:
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
