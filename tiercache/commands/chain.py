"""`tiercache chain`: the chain as seen from the running node."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from tiercache.commands.options import config_option, configuration

if TYPE_CHECKING:
    from tiercache.commands.running_node import RunningNode
    from tiercache.wire import NodeState

ASKED_TIMES, PAUSE_S = 5, 0.4
"""A node that was not asked before has to ask its tiers what they are: it is given this long to hear from them."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print what the node says, as JSON.")
@config_option
def chain(as_json: bool, config: str | None) -> None:
    """Print the chain as seen from the running node, up to the origins.

    For each tier: its kind, whether it answers, how long its last answer took, whether its news arrives at once, and
    how many projects it is the home of. What is further up is told as the tiers below it heard it last.
    """
    from pathlib import Path

    from tiercache.commands.running_node import find_running_node

    node = find_running_node(Path(configuration(config).store.path))
    said, state = heard(node, time.sleep)
    if as_json:
        import json

        click.echo(json.dumps(said, indent=2))
        return
    from rich.console import Console

    from tiercache.commands.chain_table import chain_table

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 200  # nobody's window is to be kept to
    console.print(chain_table(state, ascii_only=console.options.ascii_only))


def heard(node: RunningNode, pause: Callable[[float], object]) -> tuple[Any, NodeState]:
    """What the node says, as JSON and as values, once it knows its tiers, or time is up.  Raises NodeRefused."""
    said, state = node.about()
    for _ in range(ASKED_TIMES - 1):
        if all(tier.id is not None or tier.kind == "origin" or tier.state == "down" for tier in state.tiers):
            break
        pause(PAUSE_S)
        said, state = node.about()
    return said, state
