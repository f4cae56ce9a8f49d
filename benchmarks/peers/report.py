"""All of one run: what was measured of whom, as JSON, as tables, and as a section of `docs/performance.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from benchmarks.documents import with_section
from benchmarks.measures import Figure, figures_as_markdown
from benchmarks.peers import cells, limits, plots, tables
from benchmarks.peers.cells import Cell

HEADING = "A node beside other servers"

INTRODUCTION = """\
How a node compares with other servers of the same content. Made by

    {command}

on {machine}, with {software}; {cores}. Each value in brackets is the ratio to this node's in the same run: the median
of the rounds' ratios, since no machine is as fast in every second. Only the ratios say something about another machine.

Every server has the made-up projects of the tests, and those that cache have the fake index above them
(`tests/doubles/index.py`). *Warm pages* and *warm files* are asked for by wrk, for {seconds} s a round; the CPU is that
of the server and its children, from the process table. *Cold files* are wanted at once by clients who have read the
page, with an empty store, *installs* are of an application with 54 dependencies, each with an empty cache and an empty
environment (in memory, where making its files is not most of what is measured), and *starts* last from the process's
start to its first page. All are medians of {rounds} rounds, what is
warm of {warm_rounds}, in which the servers take turns; none begins before the server that had the last one has ended
what it was asked, nor a warm install less than a second after the cold one.
*A warm page at work* is one of 8 KB, in JSON and gzip, that a client asks this node for at a steady {per_s} times a
second: while the node does nothing else, and while it fills a file of {giant} from an index of {speed}, is asked again
and again for a page of {listed} files, which is another one each time, in JSON and HTML in turn, and prefetches. It is
asked of a node of one process, whose reactor does all of that too, and of one with workers.
*Memory* is the most that a server and its children ever held in the run.

The same page has bodies of several lengths, as servers tell more or less of a file: this node's HTML has its size and
its time of upload too, which the standard has in JSON alone, and which uv reads in both.

*nginx static* serves from disk what this node answered; *nginx cache* keeps what the index answers and checks nothing,
and with *lock* has one request fetch while the others wait. Both run with one worker, and without an access log, which
this node writes. proxpi and pypiserver run under gunicorn with two threads. A remark in the place of a value says what
a server does not do, or how it failed.

"""


@frozen(kw_only=True)
class PeersReport:
    """`circumstances`: what kind of machine and run it was.  `versions`, `missing`: by server; why it is not there."""

    circumstances: Mapping[str, str]
    versions: Mapping[str, str]
    missing: Mapping[str, str]
    cells: Sequence[Cell]

    @property
    def figures(self) -> list[Figure]:
        return list(limits.figures(self.cells))

    def as_json(self) -> Any:
        """The report as JSON values."""
        return {**asdict(self), "figures": [asdict(figure) for figure in self.figures]}

    def as_markdown(self) -> str:
        """Who was measured, the tables, and what is held to a limit."""
        names = list(self.versions)
        present = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        lines = [f"Measured: {present}.", ""]
        lines += [f"{name} could not be measured: {reason}\n" for name, reason in self.missing.items()]
        lines += [f"{cell.peer}, {cell.case}: meanwhile {cell.meanwhile}.\n" for cell in self.cells if cell.meanwhile]
        lines += [tables.as_markdown(self.cells, names), "### Limits", "", figures_as_markdown(self.figures)]
        return "\n".join(lines)

    def written(self, page: str, command: str, plots_folder: Path) -> str:
        """The page with the section of this run, whose plots are written into the folder beside it."""
        names = list(self.versions)
        plots_folder.mkdir(parents=True, exist_ok=True)
        pictures = []
        for plot in plots.PLOTS:
            if picture := plots.drawn(plot, self.cells, names):
                (plots_folder / plot.filename).write_text(picture)
                pictures.append(f"![{plot.title}]({plots_folder.name}/{plot.filename})\n")
        text = INTRODUCTION.format(command=command, **self.circumstances)
        return with_section(page, HEADING, "\n".join([text + self.as_markdown(), *pictures]))


def memory(peaks: Mapping[str, int]) -> list[Cell]:
    """The most memory of each server as cells."""
    return [Cell(group=cells.MEMORY, case="peak", peer=name, size_bytes=peak) for name, peak in peaks.items()]
