"""`tiercache token`: issue, list and revoke the tokens of the running node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tiercache.commands.options import config_option, configuration

if TYPE_CHECKING:
    from tiercache.commands.running_node import IssuedTokenSaid, RunningNode

PERMISSIONS = ("read", "prefetch", "publish", "manage", "administer")


@click.group()
def token() -> None:
    """Issue, list and revoke tokens: passwords for programs, worth some of what their owner may do."""


@token.command()
@click.argument("name")
@click.option("--for", "owner", metavar="USER", help="Whose token it is to be. Default: nobody's in particular.")
@click.option(
    "--may", type=click.Choice(PERMISSIONS), multiple=True, default=("read",), help="Repeatable. Default: read."
)
@click.option("--projects", metavar="PATTERN", multiple=True, default=("*",), help="Such as acme-*. Repeatable.")
@click.option("--expires", metavar="TIME", help="How long it is worth something, such as 90d. Default: until revoked.")
@config_option
def create(
    name: str,
    owner: str | None,
    may: tuple[str, ...],
    projects: tuple[str, ...],
    expires: str | None,
    config: str | None,
) -> None:
    """Issue a token, and print it: it is shown this once.

    With --for it is never worth more than what that user may do. Clients send it as the password of the user
    `__token__`, or as a bearer's.
    """
    issued = _node(config).issue_token(
        name=name, owner=owner, may=may, projects=projects, lasts_s=None if expires is None else _seconds(expires)
    )
    click.echo(issued.token)
    click.echo(f"note: this is the only time that it is shown; its id is {issued.issued.id}", err=True)


@token.command("list")
@config_option
def list_(config: str | None) -> None:
    """Print every token: its id, its owner and name, what it is for, when it was used last and when it expires."""
    said = _node(config).tokens()
    rows = [("ID", "TOKEN", "MAY", "PROJECTS", "LAST USED", "EXPIRES"), *map(_row, said)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows if said else ():
        click.echo("  ".join([*(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)), row[5]]))


@token.command()
@click.argument("token_id", metavar="ID")
@config_option
def revoke(token_id: str, config: str | None) -> None:
    """Revoke a token: it is worth nothing from the next request on."""
    gone = _node(config).revoke_token(token_id)
    click.echo(f"{_whose(gone)} is worth nothing any more")


def _node(config: str | None) -> RunningNode:
    from pathlib import Path

    from tiercache.commands.running_node import find_running_node

    return find_running_node(Path(configuration(config).store.path))


def _seconds(text: str) -> float:
    from tiercache.config.units import duration_s

    try:
        return duration_s(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--expires") from None


def _whose(said: IssuedTokenSaid) -> str:
    return f"{said.name} of {said.owner or 'the operator'}"


def _row(said: IssuedTokenSaid) -> tuple[str, ...]:
    expires = "never" if said.expires_at is None else _day(said.expires_at)
    return (
        said.id,
        _whose(said),
        ",".join(said.may),
        " ".join(said.projects),
        "never" if said.used_at is None else _day(said.used_at),
        f"{expires} (expired)" if said.is_expired else expires,
    )


def _day(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%MZ")
