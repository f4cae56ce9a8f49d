"""`tiercache client-config`: the lines that make a client use the node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tiercache.commands.options import config_option, configuration

if TYPE_CHECKING:
    from tiercache.config import Config


@click.command("client-config")
@click.argument("client", type=click.Choice(["pip", "uv", "poetry", "pdm", "twine", "flit"]))
@click.option("--url", help="The node's address as the client sees it. Default: what the configuration says.")
@config_option
def client_config(client: str, url: str | None, config: str | None) -> None:
    """Print the lines that make CLIENT use the node, with the place where they belong."""
    from tiercache.client_config import client_config as lines_for

    if url is not None:
        click.echo(lines_for(client, url), nl=False)
        return
    found = configuration(config)
    has_users = bool(found.access.users) or found.access.htpasswd is not None
    click.echo(lines_for(client, _address_of(found), has_users=has_users), nl=False)


def _address_of(config: Config) -> str:
    """The node's root as this machine's clients see it; a click.UsageError where the configuration does not tell."""
    from tiercache.config.addresses import Endpoint

    if config.node.public_url is not None:
        return config.node.public_url
    for endpoint in map(Endpoint.parse, config.node.listen):
        if endpoint.port:
            scheme = "https" if endpoint.kind == "ssl" else "http"
            host = endpoint.interface or "127.0.0.1"
            # The addresses that stand for all addresses are none to connect to.
            host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
            return f"{scheme}://{f'[{host}]' if ':' in host else host}:{endpoint.port}/"
    raise click.UsageError("the configuration tells no address that clients can use: give it with --url")
