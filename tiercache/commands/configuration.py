"""`tiercache config`: look at a configuration without running it."""

from __future__ import annotations

import click

from tiercache.commands.options import configuration
from tiercache.errors import ConfigInvalid


@click.group()
def config() -> None:
    """Check or show a configuration."""


@config.command()
@click.argument("file", required=False)
def check(file: str | None) -> None:
    """Say everything that is wrong with FILE, or with what a node started now would use.

    Exit status 0 if a node can use it, 1 if not.  What it says that this version does not do is noted.
    """
    try:
        checked = configuration(file)
    except ConfigInvalid as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        count = len(error.problems)
        click.echo(f"{error.source}: {count} problem{'s' if count > 1 else ''}", err=True)
        raise SystemExit(1) from error
    for note in checked.not_in_force():
        click.echo(f"note: {note}", err=True)
    click.echo(f"{file or 'the configuration'}: good")


@config.command()
@click.argument("file", required=False)
def show(file: str | None) -> None:
    """Print the configuration in effect, defaults included, with secrets masked.

    FILE, or the one that a node started now would use.
    """
    from tiercache.config import shown_config

    click.echo(shown_config(configuration(file)), nl=False)
