"""The log as text: the lines that twistd writes, with those of requests that were gathered one by one, as they ended.

Twistd's own observer would make one event of these, and takes for any line of a request a twentieth of what it takes to
answer one from a tier.
"""

from __future__ import annotations

from functools import lru_cache

from attrs import define
from twisted.logger import ILogObserver, LogEvent, formatEventAsClassicLogText, formatTime
from zope.interface import implementer

from tiercache.commands.json_log import Sink


def text_lines(event: LogEvent) -> str:
    """One log event as a line, or as many as were gathered in it; their newlines included."""
    if "log_lines" in event:
        times = [(line.at, line) for line in event["log_lines"]]
    elif "log_line" in event:
        times = [(event.get("log_time", 0.0), event["log_line"])]
    else:
        return formatEventAsClassicLogText(event) or ""
    system = f"{event.get('log_namespace', '-')}#{getattr(event.get('log_level'), 'name', 'info')}"
    return "".join([f"{_second(int(at))} [{system}] {line}\n" for at, line in times])


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    return formatTime(at)


@implementer(ILogObserver)
@define(kw_only=True)
class TextLog:
    """A log observer that writes each event to `file` as it comes."""

    file: Sink

    def __call__(self, event: LogEvent) -> None:
        self.file.write(text_lines(event))
        self.file.flush()
