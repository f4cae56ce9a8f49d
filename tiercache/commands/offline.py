"""`tiercache offline`: whether the running node may ask its tiers."""

from __future__ import annotations

import click

from tiercache.commands.options import config_option, configuration


@click.command()
@click.argument("state", type=click.Choice(["on", "off", "status"]))
@config_option
def offline(state: str, config: str | None) -> None:
    """Have the running node answer from its store alone (on), or ask its tiers again (off).

    It stays so when the node is started anew.
    """
    from pathlib import Path

    from tiercache.commands.running_node import find_running_node

    node = find_running_node(Path(configuration(config).store.path))
    wanted = None if state == "status" else state == "on"
    click.echo("offline" if node.switch_offline(wanted) else "online")
