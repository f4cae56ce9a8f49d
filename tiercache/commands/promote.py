"""`tiercache promote`: a release that was tried on one node, for another tier."""

from __future__ import annotations

import click

from tiercache.commands.node_option import chosen_node, node_options


@click.command()
@click.argument("project")
@click.argument("version")
@click.argument("tier")
@click.option(
    "--tier-token",
    envvar="TIERCACHE_TIER_TOKEN",
    metavar="TOKEN",
    help="What to show to TIER, as the password of __token__; better in $TIERCACHE_TIER_TOKEN.",
)
@node_options
def promote(
    project: str,
    version: str,
    tier: str,
    tier_token: str | None,
    node: str | None,
    token: str | None,
    config: str | None,
) -> None:
    """Hand every file of release VERSION of PROJECT to TIER, which the node has in its configuration.

    Nothing is sent unless all of it can be. To ask again does no harm: what TIER has is not sent again.
    """
    from base64 import b64encode

    there = chosen_node(node, token, config)
    shown = None if tier_token is None else f"Basic {b64encode(f'__token__:{tier_token}'.encode()).decode()}"
    said = there.ask(
        "POST", "/api/v1/promote", {"project": project, "version": version, "to": tier, "authorization": shown}
    )
    for filename in said["taken"]:
        click.echo(f"{filename} is at {tier} now")
    for filename in said["there"]:
        click.echo(f"{filename} was at {tier} already")
