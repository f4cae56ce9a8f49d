"""YAML text as plain values, each with the line it stands on.

Duplicate keys, tags and whatever else has no meaning here are problems; what the values mean is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from attrs import field, frozen

from tiercache.errors import Problem

_SCALARS = {f"tag:yaml.org,2002:{tag}" for tag in ("null", "bool", "int", "float")}
_TEXTS = {f"tag:yaml.org,2002:{tag}" for tag in ("str", "timestamp", "value", "merge")}


@frozen(kw_only=True)
class Tree:
    """A file's values: `root` is a dict, list or scalar; `lines` gives the line of each place (`tiers[1].url`)."""

    root: Any
    lines: Mapping[str, int]
    problems: tuple[Problem, ...]

    def line(self, place: str) -> int:
        """The line of a place, of the nearest thing around it where it is not in the file, or 0."""
        while place not in self.lines and place:
            place = place[: max(place.rfind("."), place.rfind("["), 0)]
        return self.lines.get(place, 0)

    def problem(self, place: str, what: str) -> Problem:
        """A problem at a place, with its line."""
        return Problem(place=_placed(place, self.line(place) or None), what=what)


def parse_yaml(text: str) -> Tree:
    """The tree of one YAML document; of a text that is no YAML, None with the problem."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"is not YAML: {error.problem or error.context}"
        return _unreadable(what, None if mark is None else mark.line + 1)
    except yaml.reader.ReaderError as error:
        return _unreadable(f"is not YAML: {error.reason}", text.count("\n", 0, error.position) + 1)
    except RecursionError:
        return _unreadable("is nested too deeply", None)
    walk = _Walk()
    root = None if node is None else walk.value(node, "", ())
    return Tree(root=root, lines=walk.lines, problems=tuple(walk.problems))


def _unreadable(what: str, line: int | None) -> Tree:
    return Tree(root=None, lines={}, problems=(Problem(place=_placed("file", line), what=what),))


def _placed(place: str, line: int | None) -> str:
    return place if line is None else f"{place} (line {line})"


@frozen
class _Walk:
    lines: dict[str, int] = field(factory=dict)
    problems: list[Problem] = field(factory=list)
    scalars: Any = field(factory=lambda: yaml.SafeLoader(""))

    def value(self, node: yaml.Node, place: str, above: tuple[yaml.Node, ...]) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        if node in above:
            self._note(place, line, "contains itself")
            return None
        match node:
            case yaml.MappingNode():
                return self._mapping(node, place, (*above, node))
            case yaml.SequenceNode():
                return [self.value(one, f"{place}[{index}]", (*above, node)) for index, one in enumerate(node.value)]
            case yaml.ScalarNode() if node.tag in _SCALARS:
                try:
                    return self.scalars.construct_object(node)
                except (
                    ValueError,
                    KeyError,
                    yaml.YAMLError,
                ):  # `!!int x`, `!!bool x`, or more digits than Python reads
                    self._note(place, line, f"is not of the type {node.tag.rpartition(':')[2]}")
                    return None
            case _:
                if node.tag not in _TEXTS:
                    self._note(place, line, f"has the tag {node.tag}, which means nothing here")
                return node.value

    def _mapping(self, node: yaml.MappingNode, place: str, above: tuple[yaml.Node, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._note(place or "file", line, "has a key that is not text")
                continue
            key: str = key_node.value  # as written: YAML has `on` for true, and `8141` for a number
            inner = f"{place}.{key}" if place else key
            if key in found:
                self._note(inner, line, f"stands here twice, first on line {self.lines[inner]}")
                continue
            self.lines[inner] = line
            found[key] = self.value(value_node, inner, above)
        return found

    def _note(self, place: str, line: int, what: str) -> None:
        self.problems.append(Problem(place=_placed(place, line), what=what))
