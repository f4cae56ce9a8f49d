"""`tiercache pin`, `unpin`, `pins`: which projects' files are never evicted."""

from __future__ import annotations

import click

from tiercache.commands.options import config_option, configuration


@click.command()
@click.argument("projects", metavar="PROJECT...", nargs=-1, required=True)
@config_option
def pin(projects: tuple[str, ...], config: str | None) -> None:
    """Keep the files of each PROJECT from being evicted for space."""
    _set_pinned(projects, True, config)


@click.command()
@click.argument("projects", metavar="PROJECT...", nargs=-1, required=True)
@config_option
def unpin(projects: tuple[str, ...], config: str | None) -> None:
    """Let the files of each PROJECT be evicted again when space is short."""
    _set_pinned(projects, False, config)


@click.command()
@config_option
def pins(config: str | None) -> None:
    """Print the projects that are pinned, one a line."""
    from tiercache.commands.embedded_store import opened_store

    with opened_store(configuration(config)) as store:
        for project in store.catalogue.pins():
            click.echo(project)


def _set_pinned(projects: tuple[str, ...], pinned: bool, config: str | None) -> None:
    from tiercache.commands.embedded_store import done, opened_store
    from tiercache.simple.names import normalise

    # Every name is looked at before anything is changed.
    names = [normalise(project) for project in projects]
    with opened_store(configuration(config)) as store:
        for name in names:
            done(store.catalogue.pin(name, pinned))
