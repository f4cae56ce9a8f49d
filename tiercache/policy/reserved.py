"""What becomes of reserved names when a tier says which are its own.  Pure.

A name that was reserved once must not be opened to other tiers by an accident: not by a store that was wiped, another
node at the same address, a parent that has not heard its own parents yet.  So a name is only dropped by the word of the
very journal that announced it; in doubt it stays, until a person releases it.
"""

from __future__ import annotations

from collections.abc import Collection

from attrs import evolve, frozen

from tiercache.simple.model import ProjectName


@frozen(kw_only=True)
class Announced:
    """What a tier has said: the `names` that its journal `epoch` announced, and those of journals `earlier`.

    `is_complete`: in this epoch it has said that these are all.
    """

    epoch: str
    names: frozenset[ProjectName] = frozenset()
    earlier: frozenset[ProjectName] = frozenset()
    is_complete: bool = False

    @property
    def all_names(self) -> frozenset[ProjectName]:
        """Every name that only this tier may answer."""
        return self.names | self.earlier


def announced(old: Announced | None, epoch: str, names: Collection[ProjectName], *, is_complete: bool) -> Announced:
    """What is known after a tier whose journal is `epoch` has said its names; `is_complete`: it says that it has all.

    Only a complete list of the same epoch drops names, and only such as that epoch announced itself.
    """
    said = frozenset(names)
    if old is None:
        return Announced(epoch=epoch, names=said, is_complete=is_complete)
    if epoch != old.epoch:
        return Announced(epoch=epoch, names=said, earlier=old.all_names - said, is_complete=is_complete)
    return Announced(
        epoch=epoch,
        names=said if is_complete else old.names | said,
        earlier=old.earlier - said,
        is_complete=is_complete,
    )


def named(old: Announced | None, epoch: str, name: ProjectName) -> Announced:
    """What is known after a tier's journal said that it has reserved one more name."""
    if old is None or epoch != old.epoch:
        return announced(old, epoch, [name], is_complete=False)
    return evolve(old, names=old.names | {name}, earlier=old.earlier - {name})


def released(old: Announced, name: ProjectName) -> Announced:
    """What is known after a person said that a name is not this tier's (any more)."""
    return evolve(old, names=old.names - {name}, earlier=old.earlier - {name})


def doubted(old: Announced) -> Announced:
    """What is known after a tier's journal turned out not to be what it was, though its epoch is the same."""
    return evolve(old, epoch="", is_complete=False)


def together(one: Announced, other: Announced) -> Announced:
    """`other`, and every name of `one` beside: what holds while it is not certain yet that names may be dropped."""
    if one.epoch != other.epoch:
        return evolve(other, earlier=(one.all_names | other.earlier) - other.names)
    names = one.names | other.names
    return evolve(other, names=names, earlier=(one.earlier | other.earlier) - names)
