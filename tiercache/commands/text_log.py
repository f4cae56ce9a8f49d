"""The log as text: the lines that twistd writes, with those of requests that were gathered one by one, as they ended.

Twistd's own observer would make one event of them, and takes four times as long for a line.
"""

from __future__ import annotations

from functools import lru_cache

from attrs import define
from twisted.logger import ILogObserver, LogEvent, formatEventAsClassicLogText, formatTime
from zope.interface import implementer

from tiercache.commands.json_log import Sink


def text_lines(event: LogEvent) -> str:
    """One log event as a line, or as many as were gathered in it; their newlines included."""
    lines = event.get("log_lines")
    if lines is None:
        return formatEventAsClassicLogText(event) or ""
    system = f"{event.get('log_namespace', '-')}#{getattr(event.get('log_level'), 'name', 'info')}"
    return "".join([f"{_second(int(line.at))} [{system}] {line}\n" for line in lines])


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
