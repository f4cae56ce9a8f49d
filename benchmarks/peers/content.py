"""What every server is given to serve: the made-up universe, its archives on disk, and the fake index that has it."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field, frozen

from benchmarks.exchanges import ACCEPTS, every
from tests.doubles.fetching import fetch
from tests.doubles.processes import RunningIndex
from tests.doubles.universe import Sizes, Universe

PAGES: Mapping[str, int] = {"8 KB": 20, "40 KB": 100, "400 KB": 1000}
"""How many files a page lists that is of about that size, as JSON or HTML."""

SMALL_FILE, BIG_FILE = "tc-medium", "tc-big"
"""Projects with one file each: of 100 KB, and of `Sizes.big`."""

MAX_AGE_S = 3600
"""For how long the index says that its pages are fresh: longer than a run, so that what is warm stays so."""


def page_project(label: str) -> str:
    """The project whose page is of that size."""
    return f"tc-listed-{PAGES[label]}"


@frozen(kw_only=True)
class Exported:
    """What a node answered, as files for a static server: `folder` has `pages/<syntax>/<project>/` and `files/`."""

    folder: Path


@define(kw_only=True)
class Content:
    """The universe of one run, with every archive on disk but that of a GB, which nobody is asked for."""

    folder: Path
    sizes: Sizes
    universe: Universe = field(init=False)
    _indexes: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.universe = Universe(folder=self.folder / "archives", sizes=self.sizes)
        for name in self.names:
            self.universe.archives(name)

    @property
    def names(self) -> list[str]:
        return [name for name in self.universe.projects if name != "tc-giant"]

    @contextmanager
    def index(self, rooted: bool = False) -> Iterator[RunningIndex]:
        """A fake index that has all of it.  `rooted`: the URLs on its JSON pages do not name its host."""
        self._indexes += 1
        index = RunningIndex.start(
            self.folder / f"index-{self._indexes}",
            "json",
            archives=self.universe.folder,
            big_bytes=self.sizes.big,
            giant_bytes=self.sizes.giant,
            ancient_files=self.sizes.ancient_files,
            listed_files=self.sizes.listed_files,
            wheels=self.sizes.wheels,
            max_age=MAX_AGE_S,
            rooted=int(rooted),
        )
        try:
            every(index.simple, self.names, ACCEPTS["JSON"])  # it makes them on first demand
            index.forget()
            yield index
        finally:
            index.close()

    def exported(self, simple: str) -> Exported:
        """The pages of the node at `simple`, in both syntaxes, plain and packed, and the files that they name."""
        folder = self.folder / "exported"
        for name in self.names:
            for syntax, accept in ACCEPTS.items():
                page = fetch(f"{simple}{name}/", headers={"Accept": accept})
                assert page.status == 200, f"{name} as {syntax}: {page}"
                place = folder / "pages" / syntax / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(page.body)
                place.with_name(f"{name}.gz").write_bytes(gzip.compress(page.body, 6, mtime=0))
            for archive in self.universe.archives(name):
                place = folder / "files" / archive.hashes["sha256"]
                place.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(archive.path, place / archive.filename)
                if archive.metadata is not None:
                    (place / f"{archive.filename}.metadata").write_bytes(archive.metadata)
        return Exported(folder=folder)
