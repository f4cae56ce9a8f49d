"""`tiercache`: the command line.

The commands stand in `tiercache.commands`, one file a subject; here they are joined, and an error that was foreseen
becomes its sentence and exit status 1.
"""

from __future__ import annotations

from typing import Any

import click

from tiercache import __version__
from tiercache.commands.acts import acts
from tiercache.commands.chain import chain
from tiercache.commands.client_lines import client_config
from tiercache.commands.configuration import config
from tiercache.commands.hosted_projects import delete, restore, status, unyank, yank
from tiercache.commands.offline import offline
from tiercache.commands.password import password
from tiercache.commands.pinning import pin, pins, unpin
from tiercache.commands.prefetch import prefetch, ready
from tiercache.commands.prefetches import prefetches
from tiercache.commands.promote import promote
from tiercache.commands.reserved import reserved
from tiercache.commands.serve import serve
from tiercache.commands.soundness import fsck
from tiercache.commands.token import token
from tiercache.errors import TiercacheError


class Sentences(click.Group):
    """A group of commands whose foreseen errors are told in a sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a TiercacheError becomes a sentence on standard error, and exit status 1."""
        try:
            return super().invoke(ctx)
        except TiercacheError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="tiercache %(version)s")
def main() -> None:
    """A cache for Python packages that forms chains of nodes."""


for command in (
    serve,
    config,
    client_config,
    chain,
    reserved,
    offline,
    token,
    password,
    fsck,
    pin,
    unpin,
    pins,
    yank,
    unyank,
    status,
    delete,
    restore,
    acts,
    promote,
    prefetch,
    ready,
    prefetches,
):
    main.add_command(command)
