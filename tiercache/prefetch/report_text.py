"""The report of a prefetch for people: as plain text, and as a page.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from tiercache.wire.prefetch import Report, ReportedFile, TargetReport, Unparseable

if TYPE_CHECKING:
    from jinja2 import Template

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def as_text(report: Report) -> str:
    """As plain text, in lines."""
    return "\n".join(_lines(report)) + "\n"


def as_html(report: Report) -> str:
    """As a whole page; what came from outside is escaped."""
    return _page().render(
        report=report,
        summary=summary(report),
        name_of=name_of,
        place_of=place_of,
        size_of=lambda file: "" if file.size is None else size(file.size),
    )


def summary(report: Report) -> str:
    """How much there is, and how much of that is here."""
    here = sum(file.stored for file in report.files)
    return (
        f"{_counted(len(report.files), 'file')}, {size(report.total_bytes)}; "
        f"{here} of them, {size(report.stored_bytes)}, are in the store."
    )


def name_of(target: TargetReport) -> str:
    """An environment."""
    if target.target is None:
        return "Every environment"
    return f"Python {target.target.python} on {target.target.platform}"


def place_of(unparseable: Unparseable) -> str:
    """Where something stands that was not taken."""
    return unparseable.document if unparseable.line is None else f"{unparseable.document}, line {unparseable.line}"


def size(number: float) -> str:
    """So many bytes, as people say it."""
    for unit in UNITS[:-1]:
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == UNITS[0] else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} {UNITS[-1]}"


def _lines(report: Report) -> Iterator[str]:
    yield f"Ready offline: {'yes' if report.ready else 'no'}"
    yield summary(report)
    for target in report.targets:
        yield ""
        yield f"{name_of(target)}: {'ready' if target.ready else 'not ready'}"
        yield from (f"  missing: {one.what}: {one.why}" for one in target.missing)
        yield from (f"  not as wanted: {one.what}: {one.why}" for one in target.instead)
        yield from (f"  {line}" for line in target.words.splitlines())
    if report.unparseable:
        yield ""
        yield "Not taken:"
        yield from (f"  {place_of(one)}: {one.text}: {one.reason}" for one in report.unparseable)
    if report.files:
        yield ""
        yield "Files:"
        yield from (f"  {_file_line(file)}" for file in report.files)


def _file_line(file: ReportedFile) -> str:
    notes = ["in the store" if file.stored else "missing"]
    notes += [] if file.size is None else [size(file.size)]
    notes += [] if file.licence is None else [file.licence]
    notes += [] if file.yanked is None else [f"yanked: {file.yanked}" if file.yanked != "yanked" else "yanked"]
    return f"{file.filename} ({', '.join(notes)})"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@lru_cache(maxsize=1)
def _page() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # a node starts sooner without

    environment = Environment(
        loader=PackageLoader("tiercache.prefetch", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")
