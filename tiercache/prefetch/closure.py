"""The closure of a prefetch: every file that the environments need."""

from __future__ import annotations

from attrs import frozen

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
