"""Throttle: how many wrong passwords somebody may try.

Counted are passwords that were wrong, by user and address, by address, and by user.  A user whose password is guessed
at from many addresses is not shut out: it is each address that then has one guess only, and so theirs, from which
nothing wrong came, has one too.  Tokens are not counted, since nobody guesses one, and a program that goes on showing
an old one is no reason to shut out its neighbours.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from ipaddress import IPv6Address, ip_network

from attrs import define, field, frozen

from tiercache.access.principals import Address

MOST_KEPT = 10_000
"""Rows of each table; of more, those that failed longest ago are forgotten."""

_SLACK = 1e-9  # of sums of fractions


@frozen(kw_only=True)
class Allowance:
    """So many failures at once, and one more each time that `again_s` seconds have passed."""

    most: int
    again_s: float


OF_A_USER_AT_AN_ADDRESS = Allowance(most=10, again_s=30.0)
OF_AN_ADDRESS = Allowance(most=50, again_s=6.0)
OF_A_USER = Allowance(most=50, again_s=12.0)
"""Above this a user is guessed at: of each address one failure is allowed then."""


@define(kw_only=True)
class Failures:
    """A table of who failed how often of late: for each key a number, which goes down by one each `again_s`."""

    allowance: Allowance
    most_kept: int = MOST_KEPT
    _rows: OrderedDict[Hashable, tuple[float, float]] = field(factory=OrderedDict, init=False)

    def __len__(self) -> int:
        return len(self._rows)

    def count(self, key: Hashable, now: float) -> float:
        """How many there are left of the failures of a key."""
        number, at = self._rows.get(key, (0.0, now))
        passed_s = max(0.0, now - at)  # a clock that was set back forgives nothing, and holds nothing against anyone
        return max(0.0, number - passed_s / self.allowance.again_s)

    def add(self, key: Hashable, now: float) -> None:
        """One more."""
        self._put(key, self.count(key, now) + 1.0, now)
        self._rows.move_to_end(key)
        while len(self._rows) > self.most_kept:
            self._rows.popitem(last=False)

    def take_back(self, key: Hashable, now: float) -> None:
        """One less: it was none."""
        if key in self._rows:
            self._put(key, max(0.0, self.count(key, now) - 1.0), now)

    def wait_s(self, key: Hashable, now: float, most: int | None = None) -> float:
        """How long until there may be one more; 0 for now.  `most`: where less are allowed than by the allowance."""
        over = self.count(key, now) - ((self.allowance.most if most is None else most) - 1)
        return over * self.allowance.again_s if over > _SLACK else 0.0

    def _put(self, key: Hashable, number: float, now: float) -> None:
        if number <= _SLACK:
            self._rows.pop(key, None)
        else:
            self._rows[key] = (number, now)


@define(kw_only=True)
class Throttle:
    """Says whether a password may be tried; times in seconds, from any clock."""

    _of_pairs: Failures = field(factory=lambda: Failures(allowance=OF_A_USER_AT_AN_ADDRESS))
    _of_addresses: Failures = field(factory=lambda: Failures(allowance=OF_AN_ADDRESS))
    _of_users: Failures = field(factory=lambda: Failures(allowance=OF_A_USER))

    def wait_s(self, user: str, address: Address | None, now: float) -> float:
        """How many seconds a password of this user may not be tried from there; 0 where it may be now."""
        place = _place(address)
        is_guessed_at = self._of_users.wait_s(user, now) > 0
        return max(
            self._of_pairs.wait_s((user, place), now, most=1 if is_guessed_at else None),
            self._of_addresses.wait_s(place, now),
        )

    def begin(self, user: str, address: Address | None, now: float) -> None:
        """A password is being tried, and counts as wrong until it proves right: many at once are no way around."""
        place = _place(address)
        self._of_pairs.add((user, place), now)
        self._of_addresses.add(place, now)
        self._of_users.add(user, now)

    def forgive(self, user: str, address: Address | None, now: float) -> None:
        """It was right; or it could not be checked."""
        place = _place(address)
        self._of_pairs.take_back((user, place), now)
        self._of_addresses.take_back(place, now)
        self._of_users.take_back(user, now)


def _place(address: Address | None) -> str:
    """What stands for an address: of IPv6 its network, since who has one address there has all of them."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)
