"""`--node URL`, `--token`: which node a command speaks to, by default the one that runs on this machine's store."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tiercache.commands.options import config_option, configuration, long_config_option

if TYPE_CHECKING:
    from tiercache.commands.running_node import RunningNode

F = TypeVar("F", bound=Callable[..., Any])


def node_options(command: F) -> F:
    """Give a command the parameters `node`, `token` and `config`, for `chosen_node`."""
    return _with_options(command, config_option)


def long_node_options(command: F) -> F:
    """The same for a command that has a `-c` of its own, as pip's for constraints."""
    return _with_options(command, long_config_option)


def _with_options(command: F, config: Callable[[F], F]) -> F:
    for option in (
        config,
        click.option(
            "--token",
            envvar="TIERCACHE_TOKEN",
            metavar="TOKEN",
            help="What to show to --node; better in $TIERCACHE_TOKEN, where no list of processes tells it.",
        ),
        click.option(
            "--node",
            envvar="TIERCACHE_NODE",
            metavar="URL",
            help="The node to speak to, with user and password if need be. Default: the one that runs on this store.",
        ),
    ):
        command = option(command)
    return command


def chosen_node(node: str | None, token: str | None, config: str | None) -> RunningNode:
    """The node that a command is to speak to.  Raises NoNodeRuns, NodeRefused."""
    from pathlib import Path

    from tiercache.commands.running_node import far_node, find_running_node

    if node is not None:
        return far_node(node, token)
    return find_running_node(Path(configuration(config).store.path).expanduser())
