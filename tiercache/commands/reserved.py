"""`tiercache reserved`: the names that only this node, or certain tiers, may answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tiercache.commands.options import config_option, configuration

if TYPE_CHECKING:
    from tiercache.commands.running_node import ReservedNameSaid


@click.command()
@click.option("--release", "project", metavar="NAME", help="Drop what tiers have announced of this name.")
@config_option
def reserved(project: str | None, config: str | None) -> None:
    """Print the reserved names, and by whom: hosted on the running node, or announced by a tier.

    A name stays reserved whatever happens to the tier that announced it, so that no other tier can answer for it. When
    the project really is no longer there, `--release` opens its name again; a tier that still has it says so anew.
    """
    from pathlib import Path

    from tiercache.commands.running_node import find_running_node

    node = find_running_node(Path(configuration(config).store.path))
    if project is not None:
        left = node.release(project)
        click.echo(f"{left.name}: {_by(left)}" if left.hosted else f"{left.name} is reserved no longer")
        return
    said = node.reserved()
    width = max((len(one.name) for one in said.names), default=0)
    for one in said.names:
        click.echo(f"{one.name:{width}}  {_by(one)}")
    if not said.complete:
        click.echo("note: not every parent has said all of its names yet", err=True)


def _by(said: ReservedNameSaid) -> str:
    return ", ".join([*(["here"] if said.hosted else []), *said.announced_by])
