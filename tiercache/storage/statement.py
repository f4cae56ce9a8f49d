"""A statement as a database is told it: its text, and what has to be known beside to run it.

Statements are written in `tiercache.storage.core`; those in `tiercache.storage.sqlite` are made of them.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

Row = Any
"""A tuple whose fields go by the names of the statement's columns."""

Rows = Sequence[Row]


class Statement:
    """`text` with a question mark for each parameter; `names` are theirs in that order.

    `columns`: the names of what it tells, `flags` those of them that are truth values; none: it tells nothing.
    `values`: the parameters that are always the same.
    """

    def __init__(
        self,
        text: str,
        names: tuple[str, ...] = (),
        columns: tuple[str, ...] = (),
        flags: tuple[str, ...] = (),
        values: Mapping[str, Any] | None = None,
    ) -> None:
        self.text = text
        self.columns = columns
        self.names = names
        self.flags = flags
        self.values = values or {}

    def parameters(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """The parameters in the order of the text.  Raises KeyError for one that is missing."""
        always = self.values
        return tuple(given[name] if name in given else always[name] for name in self.names)

    @cached_property
    def row(self) -> Callable[[Sequence[Any]], Row]:
        """Makes a row of what the driver gives."""
        row = namedtuple("Row", self.columns)  # type: ignore[misc]  # known at run time
        if not self.flags:
            return row._make
        places = [self.columns.index(flag) for flag in self.flags]

        def with_flags(told: Sequence[Any]) -> Row:
            values = list(told)
            for index in places:  # SQLite has no truth values
                values[index] = bool(values[index])
            return row._make(values)

        return with_flags
