"""How a job comes along, on a terminal: a bar where there is one, else a line whenever it comes to something new."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

from tiercache.commands.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from tiercache.wire.prefetch import JobState


class Quiet(AbstractContextManager["Quiet"]):
    """Shows nothing, as a program wants it."""

    def __call__(self, state: JobState) -> None:
        """Say nothing."""

    def __exit__(self, *_error: object) -> None:
        """End."""


class Lines(Quiet):
    """A line to standard error for each new phase."""

    def __init__(self) -> None:
        self._phase = ""

    def __call__(self, state: JobState) -> None:
        """Say it, if it is news."""
        if state.phase != self._phase:
            self._phase = state.phase
            click.echo(line_of(state), err=True)


class Bar(Quiet):
    """A bar, which goes when all is said."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            BarColumn(bar_width=30), TextColumn("{task.description}", markup=False), console=console, transient=True
        )
        self._task = self._progress.add_task("waiting", total=None)

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Take the bar away."""
        self._progress.stop()

    def __call__(self, state: JobState) -> None:
        """Move it."""
        total = state.bytes_total or state.files_total or None
        done = state.bytes_done if state.bytes_total else state.files_done
        self._progress.update(self._task, description=line_of(state), total=total, completed=done)


def progress(*, is_quiet: bool) -> Quiet:
    """What suits where this command writes."""
    if is_quiet:
        return Quiet()
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    return Bar(console) if console.is_terminal else Lines()


def line_of(state: JobState) -> str:
    """How a job is, in a line."""
    from tiercache.prefetch.report_text import size

    parts: list[str] = [state.phase]
    if state.files_total:
        parts.append(f"{state.files_done} of {state.files_total} files")
    if state.bytes_total:
        parts.append(f"{size(state.bytes_done)} of {size(state.bytes_total)}")
    if state.files_failed:
        parts.append(f"{state.files_failed} failed")
    if state.rate is not None:
        parts.append(f"{size(state.rate)}/s")
    if state.left_s is not None:
        parts.append(f"{duration_of(state.left_s)} left")
    if state.reason is not None:
        parts.append(printable(state.reason))
    return "  ".join(parts)


def duration_of(seconds: float) -> str:
    """A time as people read it."""
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest_s} s" if minutes else f"{rest_s} s"
