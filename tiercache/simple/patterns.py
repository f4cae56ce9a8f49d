"""Patterns of project names, as configurations write them: `acme-*`, `*`, `Foo.Bar?`, `!acme-*`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

from attrs import field, frozen

from tiercache.simple.model import ProjectName

EXCEPT = "!"
"""Before a pattern: what matches it is left out."""


@frozen
class ProjectPatterns:
    """The projects whose normalised name matches one of some shell-style patterns (`*`, `?`, `[a-z]`), and none of
    those that begin with `!`, in whatever order they stand.

    They are written in any spelling of a name.
    """

    patterns: tuple[str, ...]
    _in: re.Pattern[str] = field(init=False, eq=False, repr=False)
    _out: re.Pattern[str] = field(init=False, eq=False, repr=False)

    @_in.default
    def _those_in(self) -> re.Pattern[str]:
        return _any_of(pattern for pattern in self.patterns if not pattern.startswith(EXCEPT))

    @_out.default
    def _those_out(self) -> re.Pattern[str]:
        return _any_of(pattern.removeprefix(EXCEPT) for pattern in self.patterns if pattern.startswith(EXCEPT))

    @property
    def match_all(self) -> bool:
        """Whether every project matches."""
        return "*" in self.patterns and not any(pattern.startswith(EXCEPT) for pattern in self.patterns)

    def __contains__(self, project: ProjectName) -> bool:
        return self._in.match(project) is not None and self._out.match(project) is None


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    # PEP 503's normalisation, on a pattern: the marks of a pattern are none of the characters that it touches.
    normal = (re.sub(r"[-_.]+", "-", pattern).lower() for pattern in patterns)
    return re.compile("|".join(map(translate, normal)) or r"(?!)")
