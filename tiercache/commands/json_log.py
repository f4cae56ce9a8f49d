"""The log as JSON: one object a line, for the programs that collect logs.

Here an event becomes a line.  Which file the lines go to is said by twistd's options (`tiercache.tap`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from attrs import define
from twisted.logger import ILogObserver, LogEvent, formatEvent
from zope.interface import implementer

# What twisted's older logging puts in an event beside its message.
_LEGACY = frozenset({"message", "time", "system", "isError", "format", "failure", "why"})
_OURS = ("time", "level", "logger", "message", "traceback")


def json_line(event: LogEvent) -> str:
    """One log event as a JSON object on one line, its newline included.

    `time` (RFC 3339, UTC), `level`, `logger`, `message`, and `traceback` if there is one; beside them each field of
    the event that JSON can say: of a request, the words of its Cache-Status.
    """
    shown: dict[str, Any] = {
        "time": datetime.fromtimestamp(event.get("log_time", 0.0), UTC).isoformat(timespec="milliseconds"),
        "level": getattr(event.get("log_level"), "name", "info"),
        "logger": event.get("log_namespace", "-"),
        "message": formatEvent(event),
    }
    failure = event.get("log_failure")
    if failure is not None:
        shown["traceback"] = failure.getTraceback()
    for name, value in event.items():
        if not name.startswith("log_") and name not in _LEGACY and _is_plain(value):
            shown[f"{name}_" if name in _OURS else name] = value
    return json.dumps(shown) + "\n"


def _is_plain(value: object) -> bool:
    match value:
        case float():
            return math.isfinite(value)  # JSON has no infinity
        case None | bool() | int() | str():
            return True
        case list() | tuple():
            return all(_is_plain(one) for one in value)
        case Mapping():
            return all(isinstance(name, str) and _is_plain(one) for name, one in value.items())
    return False


class Sink(Protocol):
    """What lines can be written to: a text stream, or a log file of twistd's."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


def json_lines(event: LogEvent) -> str:
    """One event as one line, or as many as were gathered in it (`web.access_log`)."""
    lines = event.get("log_lines")
    if lines is None:
        return json_line(event)
    about: LogEvent = {name: event[name] for name in ("log_level", "log_namespace") if name in event}
    return "".join(
        json_line({**about, "log_time": line.at, "log_format": "{log_line}", "log_line": str(line), **line.fields})
        for line in lines
    )


@implementer(ILogObserver)
@define(kw_only=True)
class JsonLog:
    """A log observer that writes each event to `file` as it comes."""

    file: Sink

    def __call__(self, event: LogEvent) -> None:
        self.file.write(json_lines(event))
        self.file.flush()
