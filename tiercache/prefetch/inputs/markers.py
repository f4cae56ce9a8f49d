"""Markers of locks: extras and groups decided, the environment left open; and what holds on one of several ways."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain

from packaging.markers import InvalidMarker, Marker

from tiercache.prefetch.inputs.gathering import NotTaken

MOST_CHARACTERS = 20_000
"""Of one marker."""

MOST_WAYS = 32
"""That lead to a release by different markers: beyond, it is taken to be for every environment."""

LONGEST_WAY = 32
"""Markers along one way; what comes behind them is taken to be for every environment that they are for."""

KEPT_CHARACTERS = 500
"""Longer markers are not remembered."""

Decided = str | bool
"""A marker over the environment alone, or True for every one, or False for none."""

Decide = Callable[[str, str, str], bool]
"""Whether a comparison holds: of `extra`, `extras` or `dependency_groups`, with an operator, and a value."""

_VALUE = r"\"[^\"]*\"|'[^']*'"
_OPERATOR = r"===|==|~=|!=|<=|>=|<|>|not\s+in|in"
_TOKEN = re.compile(
    rf"\s*(?:(?P<sign>[()])|(?P<joint>and|or)\b"
    rf"|(?P<left>{_VALUE}|[a-z_.]+)\s*(?P<operator>{_OPERATOR})\s*(?P<right>{_VALUE}|[a-z_.]+))"
)
_DECIDED = frozenset({"extra", "extras", "dependency_groups"})


def marker_text(text: str | None) -> str | None:
    """A marker in the one way that it is written, None for none; raises NotTaken for what is no marker."""
    if text is None or not text.strip():
        return None
    if len(text) > MOST_CHARACTERS:
        raise NotTaken(reason=f"its marker is longer than {MOST_CHARACTERS} characters")
    try:
        written = _canonical(text) if len(text) <= KEPT_CHARACTERS else str(Marker(text))
    except (InvalidMarker, ValueError, RecursionError) as error:
        raise NotTaken(reason=f"its marker is none: {str(error).splitlines()[0]}") from None
    if not written.isprintable():  # an end of line may stand in it, written as in Python
        raise NotTaken(reason="its marker is none: it holds characters that are no text")
    return written


def decided(text: str | None, decide: Decide) -> Decided:
    """A marker with everything decided that is not of the environment; raises NotTaken for what is no marker."""
    marker = marker_text(text)
    if marker is None:
        return True
    if "extra" not in marker and "dependency_groups" not in marker:
        return marker
    return _disjunction(chain(_TOKEN.finditer(marker), [None]), decide)


@lru_cache(maxsize=4_096)
def _canonical(text: str) -> str:
    return str(Marker(text))


def _disjunction(tokens: Iterator[re.Match[str] | None], decide: Decide) -> Decided:
    """Up to the parenthesis that closes, or the end.  packaging refuses deep nestings before."""
    ways: list[Decided] = []
    all_of: list[Decided] = []
    for token in tokens:
        if token is None or token["sign"] == ")":
            break
        if token["sign"] == "(":
            all_of.append(_disjunction(tokens, decide))
        elif token["joint"] == "or":
            ways.append(_all(all_of))
            all_of = []
        elif token["joint"] is None:
            all_of.append(_comparison(token, decide))
    return _any([*ways, _all(all_of)])


def _comparison(token: re.Match[str], decide: Decide) -> Decided:
    left, operator, right = token["left"], " ".join(token["operator"].split()), token["right"]
    for variable, value in ((left, right), (right, left)):
        if variable in _DECIDED and value[0] in "\"'":
            return decide(variable, operator, value[1:-1])
    return f"{left} {operator} {right}"


def _all(markers: Iterable[Decided]) -> Decided:
    kept = dict.fromkeys(marker for marker in markers if marker is not True)
    if False in kept:
        return False
    return _joined(" and ", [marker for marker in kept if isinstance(marker, str)], otherwise=True)


def _any(markers: Iterable[Decided]) -> Decided:
    kept = dict.fromkeys(marker for marker in markers if marker is not False)
    if True in kept:
        return True
    return _joined(" or ", [marker for marker in kept if isinstance(marker, str)], otherwise=False)


def _joined(joint: str, markers: list[str], *, otherwise: bool) -> Decided:
    if len(markers) < 2:
        return markers[0] if markers else otherwise
    return joint.join(f"({marker})" if " and " in marker or " or " in marker else marker for marker in markers)


# -- ways to a release ------------------------------------------------------------------------------------------

Ways = frozenset[frozenset[str]]
"""One of them is to hold, with each of its markers."""

ALWAYS: Ways = frozenset({frozenset()})
NEVER: Ways = frozenset()


def further(ways: Ways, marker: Decided) -> Ways:
    """The ways, each longer by one step that has a marker, as far as it is not `LONGEST_WAY` already."""
    if marker is True:
        return ways
    if marker is False:
        return NEVER
    step = frozenset([marker])
    return frozenset(way | step if len(way) < LONGEST_WAY else way for way in ways)


def either(ways: Ways, others: Ways) -> Ways:
    """One of these or of those, without those that another makes needless; `ALWAYS` where they become too many."""
    every = ways | others
    if len(every) > 4 * MOST_WAYS:
        return ALWAYS
    fewest = frozenset(way for way in every if not any(other < way for other in every))
    return ALWAYS if len(fewest) > MOST_WAYS else fewest


def marker_of(ways: Ways) -> Decided:
    """The marker that says the same; raises NotTaken where it would be too long to be read."""
    if sum(len(marker) for way in ways for marker in way) > MOST_CHARACTERS:
        raise NotTaken(reason=f"the markers that lead to it are longer than {MOST_CHARACTERS} characters together")
    return _any(_all(sorted(way)) for way in sorted(ways, key=sorted))
