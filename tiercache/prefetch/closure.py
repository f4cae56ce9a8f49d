"""The closure of a prefetch: every file that the environments need."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, evolve, field, frozen

from tiercache.prefetch.choosing import NamedFile, contradict
from tiercache.prefetch.inputs.inputs import LockedRelease
from tiercache.wire.prefetch import Missing, Target, Unparseable, WantedFile


@frozen(kw_only=True)
class OfTarget:
    """What one environment needs: `pins` are lines (`name==version --hash=...`) that name its releases exactly.

    `target` None: every environment.  `words`: the resolver's own, where it found no way; `missing`: what is needed and
    listed by nobody.
    """

    target: Target | None
    pins: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    words: str = ""


@frozen(kw_only=True)
class Closure:
    """Files, each once, and how each environment fares."""

    files: tuple[WantedFile, ...]
    targets: tuple[OfTarget, ...]
    unparseable: tuple[Unparseable, ...] = ()


@define(kw_only=True)
class ClosureFiles:
    """Files as they are found, one after the other; the first who names one says which bytes it has.

    Whose digests say otherwise is told so: they do not get what they want.
    """

    _by_name: dict[str, WantedFile] = field(factory=dict, init=False)

    @classmethod
    def of(cls, files: Iterable[WantedFile]) -> ClosureFiles:
        """Those of a closure, to which more are added."""
        found = cls()
        for file in files:
            found._by_name[file.filename] = file  # its own
        return found

    def add(self, release: LockedRelease, file: NamedFile, target: Target | None, *, is_build: bool = False) -> bool:
        """A file of a release, which an environment needs (None: every one).  False: one with other bytes is known."""
        known = self._by_name.get(file.filename)
        if known is None:
            self._by_name[file.filename] = WantedFile(
                project=release.project,
                version=release.version,
                filename=file.filename,
                hashes=dict(file.hashes),
                size=file.size,
                targets=() if target is None else (target,),
                is_build=is_build,
            )
            return True
        if contradict(file.hashes, known.hashes):
            return False
        self._by_name[file.filename] = evolve(
            known,
            size=known.size if known.size is not None else file.size,
            targets=() if target is None or not known.targets else tuple(dict.fromkeys((*known.targets, target))),
            is_build=known.is_build and is_build,
        )
        return True

    def all(self) -> tuple[WantedFile, ...]:
        """All of them, in the order in which they were found."""
        return tuple(self._by_name.values())
