"""A node as its process at the top of a chain, on which a test puts releases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from attrs import define

from tests.doubles.distributions import Archive, Release, archives
from tests.doubles.processes import TOOLS, RunningNode, bare_environment, wait_until


@define(kw_only=True)
class ReleasingNode(RunningNode):
    """`twistd` with a node that hosts what is laid into its folder `releases` (`tests.doubles.releasing_node`)."""

    @classmethod
    def begin(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """One that was just launched; `settings` as `prepare` takes them."""
        (folder / "releases").mkdir(parents=True)
        program = Path(__file__).with_name("releasing_node.py")
        environment = bare_environment(
            folder / "home", TIERCACHE_CONFIG=str(folder / "tiers.yaml"), RELEASES=str(folder / "releases")
        )
        command = [TOOLS / "twistd", "-n", "--pidfile=", "-y", program]
        return cls.prepare(folder, settings, environment=environment, command=command)

    def release(self, archive: Archive) -> None:
        """Publish a wheel; it is hosted when this returns."""
        there = self.folder / "releases" / archive.filename
        beside = there.with_suffix(".part")
        beside.write_bytes(archive.path.read_bytes())
        beside.replace(there)
        wait_until(lambda: not there.exists(), what=f"the release of {archive.filename}")


def wheel_of(project: str, version: str, folder: Path, requires: tuple[str, ...] = ()) -> Archive:
    """A new wheel, made in `folder`."""
    folder.mkdir(exist_ok=True)
    (archive,) = archives(Release(name=project, version=version, kinds=("wheel",), requires=requires), folder)
    return archive
