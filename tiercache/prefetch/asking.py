"""What a resolver is asked about an environment, and its answer read: of what is to be had, and of what is here."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, frozen
from packaging.version import Version

from tiercache.access.principals import Principal
from tiercache.errors.prefetch import ResolverFailed
from tiercache.interfaces import Pool
from tiercache.interfaces.resolver import IResolver, Question
from tiercache.prefetch.choosing import applies, environment_in, pins_of
from tiercache.prefetch.inputs.inputs import Inputs, LockedRelease
from tiercache.prefetch.inputs.read import read
from tiercache.wire.prefetch import Document, Target, Wanted


@frozen(kw_only=True)
class Terms:
    """What holds for every question of a prefetch; `since`: the oldest Python of its environments."""

    for_whom: Principal
    constraints: tuple[str, ...] = ()
    sdists: bool = False
    is_local: bool = False
    since: str | None = None

    @classmethod
    def of(cls, wanted: Wanted, inputs: Inputs, for_whom: Principal, *, is_local: bool = False) -> Terms:
        """Those of what was handed in."""
        return cls(
            for_whom=for_whom,
            constraints=inputs.constraints,
            sdists=wanted.sdists,
            is_local=is_local,
            since=min((target.python for target in wanted.targets), key=Version, default=None),
        )


@define(kw_only=True)
class Asking:
    """Asks a resolver."""

    _resolver: IResolver
    _pool: Pool

    async def releases(
        self, requirements: Iterable[str], target: Target | None, terms: Terms
    ) -> tuple[LockedRelease, ...]:
        """The releases that meet requirements together, in an environment.  Raises Unresolvable, ResolverFailed."""
        question = Question(
            requirements=tuple(requirements),
            constraints=terms.constraints,
            target=target,
            since=terms.since if target is None else None,
            for_whom=terms.for_whom,
            is_local=terms.is_local,
            sdists=terms.sdists,
        )
        return await self._pool(_read, await self._resolver.resolve(question))

    async def pinned(
        self, locked: Iterable[LockedRelease], target: Target | None, terms: Terms
    ) -> tuple[LockedRelease, ...]:
        """The same of releases that a lock names, without what they require.  Raises Unresolvable, ResolverFailed."""
        question = Question(
            requirements=await self._pool(pins_of, locked, target),
            target=target,
            since=terms.since if target is None else None,
            for_whom=terms.for_whom,
            is_local=terms.is_local,
            sdists=terms.sdists,
            no_deps=True,
        )
        return await self._pool(_read, await self._resolver.resolve(question))


def locked_for(inputs: Inputs, target: Target | None) -> tuple[LockedRelease, ...]:
    """What of the locks counts in an environment."""
    environment = environment_in(target)
    return tuple(release for release in inputs.locked if applies(release.marker, environment))


def _read(answer: str) -> tuple[LockedRelease, ...]:
    inputs = read([Document(name="pylock.toml", text=answer)])
    if inputs.unparseable:
        first = inputs.unparseable[0]
        raise ResolverFailed(reason=f"its answer cannot be read: {first.text}: {first.reason}")
    return inputs.locked
